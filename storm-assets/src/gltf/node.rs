//! Nodes, scenes, cameras and lights: what stands where (glTF 2.0 §3.5, §3.10, KHR_lights_punctual).

use super::{
    context::Context,
    cursor::Cursor,
    decode::Data,
    error::Problem,
    instances,
    transform::{self, NodeTransform},
};

/// A node of the hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// For people; need not be unique.
    pub name: String,
    /// The node above; `None` for roots.
    pub parent: Option<usize>,
    /// The nodes below, each of which has this one as its parent.
    pub children: Vec<usize>,
    /// Relative to the parent.
    pub transform: NodeTransform,
    /// Index into [`Gltf::meshes`](super::Gltf::meshes).
    pub mesh: Option<usize>,
    /// Index into [`Gltf::skins`](super::Gltf::skins). The mesh is then moved by its joints only, not by this node's own place.
    pub skin: Option<usize>,
    /// Index into [`Gltf::cameras`](super::Gltf::cameras).
    pub camera: Option<usize>,
    /// Index into [`Gltf::lights`](super::Gltf::lights).
    pub light: Option<usize>,
    /// Weights of the mesh's morph targets for this node; empty where the mesh's own count.
    pub morph_weights: Vec<f32>,
    /// Whether it and what is below it is shown (KHR_node_visibility).
    pub visible: bool,
    /// Where copies of its mesh stand, relative to this node (EXT_mesh_gpu_instancing); empty for one, at the node itself.
    pub instances: Vec<NodeTransform>,
}

impl Default for Node {
    /// A visible node at its parent's place, with nothing in it.
    fn default() -> Self {
        Self {
            name: String::new(),
            parent: None,
            children: Vec::new(),
            transform: NodeTransform::IDENTITY,
            mesh: None,
            skin: None,
            camera: None,
            light: None,
            morph_weights: Vec::new(),
            visible: true,
            instances: Vec::new(),
        }
    }
}

/// Roots that are shown together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// For people; need not be unique.
    pub name: String,
    /// Root nodes.
    pub nodes: Vec<usize>,
}

/// A camera, which looks along its node's -Z with +Y up.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// For people; need not be unique.
    pub name: String,
    /// How it projects.
    pub projection: Projection,
}

/// How a camera projects.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Projection {
    /// With a vanishing point.
    Perspective {
        /// Vertical field of view, radians.
        yfov: f32,
        /// Width over height; `None` is that of the viewport.
        aspect: Option<f32>,
        /// Distance of the near plane, metres.
        znear: f32,
        /// Distance of the far plane, metres; `None` is infinite.
        zfar: Option<f32>,
    },
    /// Without.
    Orthographic {
        /// Half the width of what is seen, metres.
        xmag: f32,
        /// Half its height, metres.
        ymag: f32,
        /// Distance of the near plane, metres.
        znear: f32,
        /// Distance of the far plane, metres.
        zfar: f32,
    },
}

/// A light (KHR_lights_punctual), which shines along its node's -Z where it has a direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Light {
    /// For people; need not be unique.
    pub name: String,
    /// Linear RGB.
    pub color: [f32; 3],
    /// Candela (lumens per steradian); lux (lumens per square metre) for directional lights.
    pub intensity: f32,
    /// Where it ends, metres; `None` is nowhere. Without meaning for directional lights.
    pub range: Option<f32>,
    /// Where it shines.
    pub kind: LightKind,
}

/// Where a light shines.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LightKind {
    /// Everywhere in one direction, from infinitely far.
    Directional,
    /// All around.
    Point,
    /// In a cone.
    Spot {
        /// Half the angle of the cone of full light, radians.
        inner_cone: f32,
        /// Half the angle of the cone outside of which is none, radians.
        outer_cone: f32,
    },
}

/// How many of each thing a node can point to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) meshes: usize,
    pub(super) skins: usize,
    pub(super) cameras: usize,
    pub(super) lights: usize,
}

/// Reads all nodes and checks that they make a forest.
pub(super) fn read_nodes(
    context: &mut Context,
    root: Cursor<'_>,
    data: &Data<'_>,
    counts: Counts,
) -> Result<Vec<Node>, Problem> {
    let count = root.count("nodes")?;
    let mut nodes = context.list(root, "nodes", |context, place, _| {
        let light = match context.extension(place, "KHR_lights_punctual")? {
            Some(extension) => Some(
                extension
                    .required("light")?
                    .index(counts.lights, "lights")?,
            ),
            None => None,
        };
        let mut node = Node {
            name: context.name(place)?,
            parent: None,
            children: context.indices(place, "children", count, "nodes")?,
            transform: transform::read(context, place)?,
            mesh: place.optional_index("mesh", counts.meshes, "meshes")?,
            skin: place.optional_index("skin", counts.skins, "skins")?,
            camera: place.optional_index("camera", counts.cameras, "cameras")?,
            light,
            morph_weights: context.floats(place, "weights")?,
            visible: match context.extension(place, "KHR_node_visibility")? {
                Some(extension) => extension.optional_bool("visible")?.unwrap_or(true),
                None => true,
            },
            instances: instances::read(context, data, place)?,
        };
        if node.mesh.is_none() && !node.instances.is_empty() {
            context.warn(place, || {
                "has instances and no mesh; they are ignored".to_owned()
            });
            node.instances = Vec::new();
        }
        if node.mesh.is_none() && (node.skin.is_some() || !node.morph_weights.is_empty()) {
            context.warn(place, || {
                "has a skin or weights and no mesh; they are ignored".to_owned()
            });
            node.skin = None;
            node.morph_weights = Vec::new();
        }
        Ok(node)
    })?;
    link(context, root, &mut nodes)?;
    Ok(nodes)
}

/// Sets the parents; every node has at most one and is below a root.
fn link(context: &Context, root: Cursor<'_>, nodes: &mut [Node]) -> Result<(), Problem> {
    let place = |node: usize| -> Result<Cursor<'_>, Problem> {
        let list = root.required("nodes")?;
        Ok(list.elements()?.1.nth(node).unwrap_or(list))
    };
    for parent in 0..nodes.len() {
        // Taken out for the loop, so that the children can be written to.
        let children = std::mem::take(&mut nodes[parent].children);
        for &child in &children {
            if let Some(other) = nodes[child].parent {
                return Err(place(parent)?.wrong_found(
                    "children without another parent",
                    format!("node {child}, a child of node {other}"),
                ));
            }
            nodes[child].parent = Some(parent);
        }
        nodes[parent].children = children;
    }
    // Level by level from the roots: what is not reached is in a cycle, for each node has one parent at most.
    let mut level: Vec<usize> = (0..nodes.len())
        .filter(|&n| nodes[n].parent.is_none())
        .collect();
    let mut reached = vec![false; nodes.len()];
    let mut depth = 0;
    while !level.is_empty() {
        depth += 1;
        if depth > context.limits.node_depth_max {
            return Err(Problem::Limit {
                pointer: "/nodes".to_owned(),
                what: "the depth of the node hierarchy",
                limit: u64::from(context.limits.node_depth_max),
                found: u64::from(depth),
            });
        }
        let mut next = Vec::new();
        for &node in &level {
            reached[node] = true;
            next.extend_from_slice(&nodes[node].children);
        }
        level = next;
    }
    match reached.iter().position(|reached| !reached) {
        None => Ok(()),
        Some(node) => Err(place(node)?.wrong_found("a node below a root", "a cycle of nodes")),
    }
}

/// Reads all scenes, and which of them is shown first.
pub(super) fn read_scenes(
    context: &mut Context,
    root: Cursor<'_>,
    nodes: &[Node],
) -> Result<(Vec<Scene>, Option<usize>), Problem> {
    let scenes = context.list(root, "scenes", |context, place, _| {
        let scene = Scene {
            name: context.name(place)?,
            nodes: context.indices(place, "nodes", nodes.len(), "nodes")?,
        };
        if let Some(&child) = scene
            .nodes
            .iter()
            .find(|&&node| nodes[node].parent.is_some())
        {
            return Err(place
                .required("nodes")?
                .wrong_found("root nodes", format!("node {child}, which has a parent")));
        }
        Ok(scene)
    })?;
    let default = root.optional_index("scene", scenes.len(), "scenes")?;
    Ok((scenes, default))
}

/// Reads all cameras.
pub(super) fn read_cameras(
    context: &mut Context,
    root: Cursor<'_>,
) -> Result<Vec<Camera>, Problem> {
    context.list(root, "cameras", |context, place, _| {
        let kind = place.required("type")?;
        if place.get("perspective")?.is_some() && place.get("orthographic")?.is_some() {
            context.warn(place, || {
                "is both perspective and orthographic; its type counts".to_owned()
            });
        }
        let projection = match kind.text()? {
            "perspective" => {
                let place = place.required("perspective")?;
                let znear = positive(place.required("znear")?)?;
                Projection::Perspective {
                    yfov: positive(place.required("yfov")?)?,
                    aspect: place.get("aspectRatio")?.map(positive).transpose()?,
                    znear,
                    zfar: place
                        .get("zfar")?
                        .map(|zfar| beyond(zfar, znear))
                        .transpose()?,
                }
            }
            "orthographic" => {
                let place = place.required("orthographic")?;
                let mag = |key| {
                    let mag = place.required(key)?;
                    let value = mag.float()?;
                    if value == 0.0 {
                        return Err(mag.wrong("a number other than 0"));
                    }
                    Ok(value)
                };
                let near = place.required("znear")?;
                let znear = near.float()?;
                if znear < 0.0 {
                    return Err(near.wrong("a number of at least 0"));
                }
                Projection::Orthographic {
                    xmag: mag("xmag")?,
                    ymag: mag("ymag")?,
                    znear,
                    zfar: beyond(place.required("zfar")?, znear)?,
                }
            }
            _ => return Err(kind.wrong("perspective or orthographic")),
        };
        Ok(Camera {
            name: context.name(place)?,
            projection,
        })
    })
}

fn positive(place: Cursor<'_>) -> Result<f32, Problem> {
    let value = place.float()?;
    if value > 0.0 {
        Ok(value)
    } else {
        Err(place.wrong("a number over 0"))
    }
}

fn beyond(place: Cursor<'_>, znear: f32) -> Result<f32, Problem> {
    let value = place.float()?;
    if value > znear {
        Ok(value)
    } else {
        Err(place.wrong(format!("a number over znear, {znear}")))
    }
}

/// Reads the lights of KHR_lights_punctual.
pub(super) fn read_lights(context: &mut Context, root: Cursor<'_>) -> Result<Vec<Light>, Problem> {
    let Some(extension) = context.extension(root, "KHR_lights_punctual")? else {
        return Ok(Vec::new());
    };
    extension.required("lights")?;
    context.list(extension, "lights", |context, place, _| {
        let kind = place.required("type")?;
        let kind = match kind.text()? {
            "directional" => LightKind::Directional,
            "point" => LightKind::Point,
            "spot" => {
                let spot = place.get("spot")?;
                if spot.is_none() {
                    context.warn(place, || {
                        "is a spot light without \"spot\"; the default cone is used".to_owned()
                    });
                }
                let angle = |key: &str, default: f32| -> Result<f32, Problem> {
                    Ok(match spot {
                        Some(spot) => spot.optional_float(key)?.unwrap_or(default),
                        None => default,
                    })
                };
                let inner_cone = angle("innerConeAngle", 0.0)?;
                let outer_cone = angle("outerConeAngle", std::f32::consts::FRAC_PI_4)?;
                if !(0.0 <= inner_cone
                    && inner_cone < outer_cone
                    && outer_cone <= std::f32::consts::FRAC_PI_2)
                {
                    return Err(place.wrong_found(
                        "0 ≤ innerConeAngle < outerConeAngle ≤ π/2",
                        format!("{inner_cone} and {outer_cone}"),
                    ));
                }
                LightKind::Spot {
                    inner_cone,
                    outer_cone,
                }
            }
            _ => return Err(kind.wrong("directional, point or spot")),
        };
        Ok(Light {
            name: context.name(place)?,
            color: place.optional_floats::<3>("color")?.unwrap_or([1.0; 3]),
            intensity: context.factor(place, "intensity", 1.0, 0.0..=f32::MAX)?,
            range: place.get("range")?.map(positive).transpose()?,
            kind,
        })
    })
}
