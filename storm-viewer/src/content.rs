//! What there is to look at: assets, where they stand, and the cameras that a file brings.

use std::path::Path;

use glam::{Mat4, Vec3};
use storm_assets::{Bounds, Library, gltf};
use storm_render::{Instance, InstanceTransform, Projection, Sky, View};

use crate::{
    camera::{CameraChoice, Orbit},
    error::ViewerError,
    progress,
};

/// A camera of a file, where the scene has it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedCamera {
    /// Its number in the file.
    pub number: usize,
    /// Its own name and that of its node; either may be empty.
    pub names: [String; 2],
    /// What it sees.
    pub view: View,
}

/// Something to look at.
pub struct Content {
    /// The file's name, or what else it is called; errors and the window begin with it.
    pub title: String,
    /// Meshes, materials and pictures.
    pub library: Library,
    /// What is drawn.
    pub instances: Vec<Instance>,
    /// The sky over it.
    pub sky: Sky,
    /// Cameras that can be chosen by name.
    pub cameras: Vec<PlacedCamera>,
    /// Around all that is visible.
    pub bounds: Bounds,
    /// Where it is looked at from, unless someone chooses; `None` frames all of it.
    pub first: Option<View>,
}

impl Content {
    /// A scene of a glTF file, in its rest pose. `None` is the scene that the file names, or its first.
    ///
    /// # Errors
    /// When the file cannot be read or has no such scene.
    pub fn load(path: &Path, scene: Option<usize>) -> Result<Self, ViewerError> {
        let file = read(path)?;
        if file.warning_count > 0 {
            let (file, count) = (title_of(path), file.warning_count);
            tracing::warn!("{file}: {count} thing(s) were mended or left out; `info` lists them");
        }
        if let Some(scene) = scene
            && scene >= file.scenes.len()
        {
            return Err(ViewerError::NoSuchPart {
                file: title_of(path),
                what: "scene",
                wanted: scene.to_string(),
                offer: match file.scenes.len() {
                    0 => "it names none".to_owned(),
                    1 => "its only one is 0".to_owned(),
                    count => format!("it has 0 to {}", count - 1),
                },
            });
        }
        Self::from_gltf(path, file, scene)
    }

    /// A scene of a file that is read already.
    pub(crate) fn from_gltf(
        path: &Path,
        file: gltf::Gltf,
        scene: Option<usize>,
    ) -> Result<Self, ViewerError> {
        let world = file.world_matrices();
        let posed = file.rest_pose(scene, &gltf::Limits::default())?;
        let mut library = file.library.clone();
        let (mut instances, mut bounds) = (Vec::new(), Bounds::EMPTY);
        for node in file.scene_nodes(scene) {
            let Some(mesh) = file.nodes[node].mesh else {
                continue;
            };
            for (index, primitive) in file.meshes[mesh].primitives.iter().enumerate() {
                let (mut handle, mut matrix) = (primitive.mesh, world[node]);
                if let Some(posed) = posed
                    .iter()
                    .find(|posed| posed.node == node && posed.primitive == index)
                {
                    handle = posed.handle;
                    library.meshes.insert(handle, posed.mesh.clone());
                    if posed.skinned {
                        matrix = Mat4::IDENTITY;
                    }
                }
                let Some(mesh) = library.meshes.get(handle) else {
                    continue;
                };
                bounds = bounds.union(mesh.bounds().transformed(matrix));
                let transform = InstanceTransform::from_mat4(matrix);
                instances.push(Instance {
                    mesh: handle,
                    material: primitive.material,
                    transform,
                });
            }
        }
        Ok(Self {
            title: title_of(path),
            library,
            instances,
            sky: Sky::default(),
            cameras: cameras_of(&file, scene),
            bounds,
            first: None,
        })
    }

    /// The view that `--camera` asks for, in a picture of this aspect, and the orbit from which a person goes on.
    ///
    /// # Errors
    /// When there is no camera of that name.
    pub fn camera(
        &self,
        choice: Option<&CameraChoice>,
        aspect: f32,
    ) -> Result<(View, Orbit), ViewerError> {
        let middle = if self.bounds.is_empty() {
            Vec3::ZERO
        } else {
            self.bounds.center()
        };
        let from_view = |view: View| (view, Orbit::from_view(&view, middle));
        let from_orbit = |orbit: Orbit| (orbit.view(), orbit);
        Ok(match choice {
            None => match self.first {
                Some(view) => from_view(view),
                None => {
                    let (yaw, pitch) = Orbit::FIRST;
                    from_orbit(Orbit::framing(self.bounds, yaw, pitch, aspect))
                }
            },
            Some(CameraChoice::Orbit {
                yaw,
                pitch,
                distance,
            }) => {
                let radius = self.bounds.radius();
                let framed = Orbit::framing(self.bounds, *yaw, *pitch, aspect);
                from_orbit(Orbit {
                    distance: distance * if radius > 0.0 { radius } else { 1.0 },
                    ..framed
                })
            }
            Some(CameraChoice::LookAt { eye, target }) => {
                let near = (*target - *eye).length() * 1e-3;
                let view = View::look_at(*eye, *target);
                let orbit = Orbit::from_view(&view, *target);
                let Projection::Perspective { yfov, .. } = orbit.view().projection else {
                    return Ok((view, orbit));
                };
                (
                    View {
                        projection: Projection::Perspective { yfov, near },
                        ..view
                    },
                    orbit,
                )
            }
            Some(CameraChoice::Named(wanted)) => from_view(self.named(wanted)?.view),
        })
    }

    fn named(&self, wanted: &str) -> Result<&PlacedCamera, ViewerError> {
        let number = wanted.parse().ok();
        self.cameras
            .iter()
            .find(|camera| camera.names.iter().any(|name| name == wanted))
            .or_else(|| {
                self.cameras
                    .iter()
                    .find(|camera| Some(camera.number) == number)
            })
            .ok_or_else(|| {
                let label = |camera: &PlacedCamera| {
                    let name = camera.names.iter().find(|name| !name.is_empty());
                    name.map_or_else(
                        || camera.number.to_string(),
                        |name| format!("{} ({name})", camera.number),
                    )
                };
                let there: Vec<_> = self.cameras.iter().map(label).collect();
                ViewerError::NoSuchPart {
                    file: self.title.clone(),
                    what: "camera",
                    wanted: format!("'{wanted}'"),
                    offer: if there.is_empty() {
                        "the scene has none".to_owned()
                    } else {
                        format!("there are: {}", there.join(", "))
                    },
                }
            })
    }
}

/// Reads a file, with a progress bar.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read(path: &Path) -> Result<gltf::Gltf, ViewerError> {
    Ok(gltf::load(path, &progress::load_options(&title_of(path)))?)
}

fn title_of(path: &Path) -> String {
    path.display().to_string()
}

/// The cameras of a scene, in the order of its nodes.
pub(crate) fn cameras_of(file: &gltf::Gltf, scene: Option<usize>) -> Vec<PlacedCamera> {
    let world = file.world_matrices();
    let placed = |node: usize| {
        let number = file.nodes[node].camera?;
        let camera = &file.cameras[number];
        let (_, rotation, translation) = world[node].to_scale_rotation_translation();
        let projection = match camera.projection {
            gltf::Projection::Perspective { yfov, znear, .. } => {
                Projection::Perspective { yfov, near: znear }
            }
            gltf::Projection::Orthographic {
                ymag, znear, zfar, ..
            } => Projection::Orthographic {
                half_height: ymag,
                near: znear,
                far: zfar,
            },
            _ => return None,
        };
        let names = [camera.name.clone(), file.nodes[node].name.clone()];
        Some(PlacedCamera {
            number,
            names,
            view: View {
                translation,
                rotation,
                projection,
                ..View::default()
            },
        })
    };
    file.scene_nodes(scene)
        .into_iter()
        .filter_map(placed)
        .collect()
}
