//! Nodes, scenes, skins, clips, cameras and lights.

use serde_json::{Map, Value, json};

use super::{
    WriteError, Writer,
    binary::{Layout, Use},
    list,
    meshes::Shapes,
    name, number, numbers,
};
use crate::{
    Interpolation, TrackValues,
    gltf::{Camera, Light, LightKind, Node, NodeTransform, Projection},
};

impl Writer<'_> {
    /// Everything that stands somewhere.
    pub(super) fn scene(
        &mut self,
        root: &mut Map<String, Value>,
        shapes: &Shapes,
    ) -> Result<(), WriteError> {
        let file = self.file;
        check_forest(file.nodes.as_slice(), &file.scenes)?;
        let cameras = file
            .cameras
            .iter()
            .enumerate()
            .map(|(index, value)| camera(index, value));
        list(root, "cameras", cameras.collect::<Result<_, _>>()?);
        let lights: Vec<Value> = file
            .lights
            .iter()
            .enumerate()
            .map(|(index, value)| light(index, value))
            .collect::<Result<_, _>>()?;
        if !lights.is_empty() {
            self.extend(root, "KHR_lights_punctual", json!({ "lights": lights }));
        }
        if !file.variants.is_empty() {
            let variants: Vec<Value> = file
                .variants
                .iter()
                .map(|name| json!({ "name": name }))
                .collect();
            self.extend(
                root,
                "KHR_materials_variants",
                json!({ "variants": variants }),
            );
        }
        let skins = (0..file.skins.len()).map(|index| self.skin(index));
        let skins = skins.collect::<Result<_, _>>()?;
        list(root, "skins", skins);
        let mut nodes = Vec::with_capacity(file.nodes.len());
        let mut below = Vec::new();
        for (index, node) in file.nodes.iter().enumerate() {
            let mut value = self.node(index, node, shapes)?;
            let grid = node.mesh.and_then(|mesh| shapes.grids[mesh]);
            if let Some(grid) = grid
                && let Some(mesh) = value.remove("mesh")
            {
                let mut inner = Map::new();
                inner.insert("mesh".to_owned(), mesh);
                if let Some(weights) = value.remove("weights") {
                    inner.insert("weights".to_owned(), weights);
                }
                let by = || format!("node {index}");
                inner.insert(
                    "translation".to_owned(),
                    numbers(&grid.origin.to_array(), by)?,
                );
                inner.insert("scale".to_owned(), numbers(&[grid.size; 3], by)?);
                let place = file.nodes.len() + below.len();
                if let Value::Array(children) = value.entry("children").or_insert_with(|| json!([]))
                {
                    children.push(json!(place));
                }
                self.mesh_nodes.insert(index, place);
                below.push(Value::Object(inner));
            }
            nodes.push(Value::Object(value));
        }
        nodes.extend(below);
        list(root, "nodes", nodes);
        let scenes = file.scenes.iter().map(|scene| {
            let mut value = Map::new();
            name(&mut value, &scene.name);
            list(
                &mut value,
                "nodes",
                scene.nodes.iter().map(|node| json!(node)).collect(),
            );
            Value::Object(value)
        });
        list(root, "scenes", scenes.collect());
        if let Some(scene) = file.default_scene {
            if scene >= file.scenes.len() {
                return Err(WriteError::Missing {
                    by: "the file".to_owned(),
                    what: format!("scene {scene}"),
                });
            }
            root.insert("scene".to_owned(), json!(scene));
        }
        Ok(())
    }

    fn node(
        &mut self,
        index: usize,
        node: &Node,
        shapes: &Shapes,
    ) -> Result<Map<String, Value>, WriteError> {
        let by = || format!("node {index}");
        let mut out = Map::new();
        name(&mut out, &node.name);
        list(
            &mut out,
            "children",
            node.children.iter().map(|child| json!(child)).collect(),
        );
        let NodeTransform {
            translation,
            rotation,
            scale,
        } = node.transform;
        for (key, values, default) in [
            ("translation", &translation.to_array()[..], &[0.0; 3][..]),
            ("rotation", &rotation.to_array(), &[0.0, 0.0, 0.0, 1.0]),
            ("scale", &scale.to_array(), &[1.0; 3]),
        ] {
            if values != default {
                out.insert(key.to_owned(), numbers(values, by)?);
            }
        }
        let file = self.file;
        let known = |what: &str, place: Option<usize>, count: usize| match place {
            Some(place) if place >= count => Err(WriteError::Missing {
                by: by(),
                what: format!("{what} {place}"),
            }),
            _ => Ok(place),
        };
        let mesh =
            known("mesh", node.mesh, file.meshes.len())?.and_then(|mesh| shapes.places[mesh]);
        if let Some(mesh) = mesh {
            out.insert("mesh".to_owned(), json!(mesh));
            if let Some(skin) = known("skin", node.skin, file.skins.len())? {
                out.insert("skin".to_owned(), json!(skin));
            }
            let expected = shapes.targets[node.mesh.unwrap_or_default()];
            if !node.morph_weights.is_empty() && node.morph_weights.len() != expected {
                let (what, found) = (
                    format!("morph weights of {}", by()),
                    node.morph_weights.len(),
                );
                return Err(WriteError::Count {
                    what,
                    expected,
                    found,
                });
            }
            if !node.morph_weights.is_empty() {
                out.insert("weights".to_owned(), numbers(&node.morph_weights, by)?);
            }
            if !node.instances.is_empty() {
                let instances = self.instances(index, &node.instances)?;
                self.extend(
                    &mut out,
                    "EXT_mesh_gpu_instancing",
                    json!({ "attributes": instances }),
                );
            }
        }
        if let Some(camera) = known("camera", node.camera, file.cameras.len())? {
            out.insert("camera".to_owned(), json!(camera));
        }
        if let Some(light) = known("light", node.light, file.lights.len())? {
            self.extend(&mut out, "KHR_lights_punctual", json!({ "light": light }));
        }
        if !node.visible {
            self.extend(&mut out, "KHR_node_visibility", json!({ "visible": false }));
        }
        Ok(out)
    }

    fn instances(
        &mut self,
        index: usize,
        instances: &[NodeTransform],
    ) -> Result<Value, WriteError> {
        let by = || format!("an instance of node {index}");
        let vec3 = Layout::floats("VEC3", Use::Data);
        let vec4 = Layout::floats("VEC4", Use::Data);
        let translations: Vec<_> = instances
            .iter()
            .map(|at| at.translation.to_array())
            .collect();
        let rotations: Vec<_> = instances.iter().map(|at| at.rotation.to_array()).collect();
        let scales: Vec<_> = instances.iter().map(|at| at.scale.to_array()).collect();
        Ok(json!({
            "TRANSLATION": self.binary.floats(&translations, vec3, false, by)?,
            "ROTATION": self.binary.floats(&rotations, vec4, false, by)?,
            "SCALE": self.binary.floats(&scales, vec3, false, by)?,
        }))
    }

    fn skin(&mut self, index: usize) -> Result<Value, WriteError> {
        let by = || format!("skin {index}");
        let handle = self.file.skins[index];
        let Some(skin) = self.file.library.skins.get(handle) else {
            return Err(WriteError::Missing {
                by: by(),
                what: format!("the value of {}", handle.id()),
            });
        };
        if skin.joints.is_empty() || skin.inverse_bind.len() != skin.joints.len() {
            let (expected, found) = (skin.joints.len().max(1), skin.inverse_bind.len());
            return Err(WriteError::Count {
                what: format!("inverse bind matrices of {}", by()),
                expected,
                found,
            });
        }
        let nodes = self.file.nodes.len();
        if let Some(node) = skin
            .joints
            .iter()
            .chain(&skin.skeleton)
            .find(|node| **node as usize >= nodes)
        {
            return Err(WriteError::Missing {
                by: by(),
                what: format!("node {node}"),
            });
        }
        let mut out = Map::new();
        name(&mut out, &skin.name);
        out.insert("joints".to_owned(), json!(skin.joints));
        if let Some(skeleton) = skin.skeleton {
            out.insert("skeleton".to_owned(), json!(skeleton));
        }
        if skin
            .inverse_bind
            .iter()
            .any(|matrix| *matrix != glam::Mat4::IDENTITY)
        {
            let matrices: Vec<[f32; 16]> = skin
                .inverse_bind
                .iter()
                .map(glam::Mat4::to_cols_array)
                .collect();
            let accessor =
                self.binary
                    .floats(&matrices, Layout::floats("MAT4", Use::Data), false, by)?;
            out.insert("inverseBindMatrices".to_owned(), json!(accessor));
        }
        Ok(Value::Object(out))
    }

    /// All clips; after the nodes, which may have moved morph weights.
    pub(super) fn clips(
        &mut self,
        root: &mut Map<String, Value>,
        shapes: &Shapes,
    ) -> Result<(), WriteError> {
        let mut clips = Vec::new();
        for index in 0..self.file.clips.len() {
            let clip = self.clip(index, shapes)?;
            if clip.is_none() {
                self.left_out
                    .push(format!("clip {index}: it moves nothing"));
            }
            self.clip_places.push(clip.is_some().then_some(clips.len()));
            clips.extend(clip);
        }
        list(root, "animations", clips);
        Ok(())
    }

    fn clip(&mut self, index: usize, shapes: &Shapes) -> Result<Option<Value>, WriteError> {
        let by = || format!("clip {index}");
        let handle = self.file.clips[index];
        let Some(clip) = self.file.library.clips.get(handle) else {
            return Err(WriteError::Missing {
                by: by(),
                what: format!("the value of {}", handle.id()),
            });
        };
        let (mut channels, mut samplers) = (Vec::new(), Vec::new());
        for track in &clip.tracks {
            let node = track.node as usize;
            if node >= self.file.nodes.len() {
                return Err(WriteError::Missing {
                    by: by(),
                    what: format!("node {node}"),
                });
            }
            let vec3 = Layout::floats("VEC3", Use::Data);
            let keys = track.times.len() * track.interpolation.values_per_key();
            if keys == 0 || track.values.len() != keys {
                return Err(WriteError::Count {
                    what: format!("values of a track of {}", by()),
                    expected: keys.max(1),
                    found: track.values.len(),
                });
            }
            let (path, node, output) = match &track.values {
                TrackValues::Translation(values) => (
                    "translation",
                    node,
                    self.binary.floats(values, vec3, false, by)?,
                ),
                TrackValues::Scale(values) => {
                    ("scale", node, self.binary.floats(values, vec3, false, by)?)
                }
                TrackValues::Rotation(values) => (
                    "rotation",
                    node,
                    self.binary
                        .floats(values, Layout::floats("VEC4", Use::Data), false, by)?,
                ),
                TrackValues::Weights { values, targets } => {
                    let mesh = self.file.nodes[node].mesh;
                    let Some(mesh) =
                        mesh.filter(|mesh| shapes.places.get(*mesh).is_some_and(Option::is_some))
                    else {
                        self.left_out.push(format!(
                            "{}: weights of node {node}, whose mesh is not written",
                            by()
                        ));
                        continue;
                    };
                    if *targets != shapes.targets[mesh] {
                        let what = format!("weights of node {node} in {}", by());
                        return Err(WriteError::Count {
                            what,
                            expected: shapes.targets[mesh],
                            found: *targets,
                        });
                    }
                    (
                        "weights",
                        *self.mesh_nodes.get(&node).unwrap_or(&node),
                        self.scalars(values, &by)?,
                    )
                }
            };
            channels.push(
                json!({ "sampler": samplers.len(), "target": { "node": node, "path": path } }),
            );
            samplers.push(self.sampler(&track.times, output, track.interpolation, &by)?);
        }
        for track in &clip.pointers {
            let keys = track.times.len() * track.interpolation.values_per_key();
            let expected = (keys * track.width).max(1);
            if track.values.len() != expected || keys * track.width == 0 {
                let (what, found) = (format!("values of a track of {}", by()), track.values.len());
                return Err(WriteError::Count {
                    what,
                    expected,
                    found,
                });
            }
            let Some(pointer) = self.owner(shapes, &track.pointer) else {
                self.left_out.push(format!(
                    "{}: what {} drives is not written",
                    by(),
                    track.pointer
                ));
                continue;
            };
            // Lists of weights are single numbers, however many.
            let flat = pointer.ends_with("/weights");
            let values = &track.values;
            let layout = |shape| Layout::floats(shape, Use::Data);
            let output = match (flat, track.width) {
                (false, 2) => {
                    self.binary
                        .floats(values.as_chunks::<2>().0, layout("VEC2"), false, by)?
                }
                (false, 3) => {
                    self.binary
                        .floats(values.as_chunks::<3>().0, layout("VEC3"), false, by)?
                }
                (false, 4) => {
                    self.binary
                        .floats(values.as_chunks::<4>().0, layout("VEC4"), false, by)?
                }
                (false, 9) => {
                    self.binary
                        .floats(values.as_chunks::<9>().0, layout("MAT3"), false, by)?
                }
                (false, 16) => {
                    self.binary
                        .floats(values.as_chunks::<16>().0, layout("MAT4"), false, by)?
                }
                _ => self.scalars(values, &by)?,
            };
            let mut target = Map::new();
            target.insert("path".to_owned(), json!("pointer"));
            self.extend(
                &mut target,
                "KHR_animation_pointer",
                json!({ "pointer": pointer }),
            );
            channels.push(json!({ "sampler": samplers.len(), "target": target }));
            samplers.push(self.sampler(&track.times, output, track.interpolation, &by)?);
        }
        let mut out = Map::new();
        name(&mut out, &clip.name);
        if channels.is_empty() {
            return Ok(None);
        }
        out.insert("channels".to_owned(), Value::Array(channels));
        out.insert("samplers".to_owned(), Value::Array(samplers));
        Ok(Some(Value::Object(out)))
    }

    fn scalars(&mut self, values: &[f32], by: &impl Fn() -> String) -> Result<usize, WriteError> {
        let values: &[[f32; 1]] = bytemuck::cast_slice(values);
        self.binary
            .floats(values, Layout::floats("SCALAR", Use::Data), false, by)
    }

    fn sampler(
        &mut self,
        times: &[f32],
        output: usize,
        interpolation: Interpolation,
        by: &impl Fn() -> String,
    ) -> Result<Value, WriteError> {
        let times: &[[f32; 1]] = bytemuck::cast_slice(times);
        let input = self
            .binary
            .floats(times, Layout::floats("SCALAR", Use::Data), true, by)?;
        let interpolation = match interpolation {
            Interpolation::Linear => return Ok(json!({ "input": input, "output": output })),
            Interpolation::Step => "STEP",
            Interpolation::CubicSpline => "CUBICSPLINE",
        };
        Ok(json!({ "input": input, "output": output, "interpolation": interpolation }))
    }
}

/// Every child is there and has this one parent, no node is below itself, and scenes show roots.
fn check_forest(nodes: &[Node], scenes: &[crate::gltf::Scene]) -> Result<(), WriteError> {
    let wrong = |node, problem| Err(WriteError::Hierarchy { node, problem });
    let mut parents = vec![None; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for &child in &node.children {
            match parents.get_mut(child) {
                None => return wrong(index, "has a child that is not there"),
                Some(Some(_)) => return wrong(child, "has two parents"),
                Some(parent) => *parent = Some(index),
            }
        }
    }
    // Each node has one parent at most, so what is not reached from a root is in a cycle.
    let mut open: Vec<usize> = (0..nodes.len())
        .filter(|node| parents[*node].is_none())
        .collect();
    let mut reached = 0;
    while let Some(node) = open.pop() {
        reached += 1;
        open.extend(&nodes[node].children);
    }
    if reached < nodes.len() {
        return wrong(nodes.len() - 1, "or another is below itself");
    }
    for &node in scenes.iter().flat_map(|scene| &scene.nodes) {
        match parents.get(node) {
            None => return wrong(node, "is shown by a scene and is not there"),
            Some(Some(_)) => return wrong(node, "is shown by a scene and is no root"),
            Some(None) => {}
        }
    }
    Ok(())
}

fn camera(index: usize, camera: &Camera) -> Result<Value, WriteError> {
    let by = || format!("camera {index}");
    let mut out = Map::new();
    name(&mut out, &camera.name);
    let mut lens = Map::new();
    let mut put = |key: &str, value: f32| {
        lens.insert(key.to_owned(), number(value, by)?);
        Ok(())
    };
    let kind = match camera.projection {
        Projection::Perspective {
            yfov,
            aspect,
            znear,
            zfar,
        } => {
            put("yfov", yfov)?;
            put("znear", znear)?;
            aspect
                .map(|aspect| put("aspectRatio", aspect))
                .transpose()?;
            zfar.map(|zfar| put("zfar", zfar)).transpose()?;
            "perspective"
        }
        Projection::Orthographic {
            xmag,
            ymag,
            znear,
            zfar,
        } => {
            put("xmag", xmag)?;
            put("ymag", ymag)?;
            put("znear", znear)?;
            put("zfar", zfar)?;
            "orthographic"
        }
    };
    out.insert("type".to_owned(), json!(kind));
    out.insert(kind.to_owned(), Value::Object(lens));
    Ok(Value::Object(out))
}

fn light(index: usize, light: &Light) -> Result<Value, WriteError> {
    let by = || format!("light {index}");
    let mut out = Map::new();
    name(&mut out, &light.name);
    if light.color != [1.0; 3] {
        out.insert("color".to_owned(), numbers(&light.color, by)?);
    }
    if light.intensity != 1.0 {
        out.insert("intensity".to_owned(), number(light.intensity, by)?);
    }
    if let Some(range) = light.range {
        out.insert("range".to_owned(), number(range, by)?);
    }
    let kind = match light.kind {
        LightKind::Directional => "directional",
        LightKind::Point => "point",
        LightKind::Spot {
            inner_cone,
            outer_cone,
        } => {
            let cone = json!({ "innerConeAngle": number(inner_cone, by)?, "outerConeAngle": number(outer_cone, by)? });
            out.insert("spot".to_owned(), cone);
            "spot"
        }
    };
    out.insert("type".to_owned(), json!(kind));
    Ok(Value::Object(out))
}
