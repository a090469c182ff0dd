//! Skins and animations, as values (glTF 2.0 §3.7.3, §3.11).

use glam::Mat4;

use super::{
    accessor::{Accessor, Shape},
    context::Context,
    cursor::Cursor,
    decode::{Allowed, Data, check_bounds},
    error::{Problem, shortened},
    node::Node,
    primitive::ReadMesh,
};
use crate::{
    Clip, Interpolation, PointerObject, PointerTrack, Skin, Track, TrackValues, unit::is_unit,
};

fn accessor<'d, 'a>(data: &'d Data<'a>, index: Cursor<'_>) -> Result<&'d Accessor<'a>, Problem> {
    Ok(&data.accessors[index.index(data.accessors.len(), "accessors")?])
}

/// Reads one element of `skins`.
pub(super) fn read_skin(
    context: &mut Context,
    data: &Data<'_>,
    place: Cursor<'_>,
    nodes: usize,
) -> Result<Skin, Problem> {
    let joints_place = place.required("joints")?;
    let joints = context.indices(place, "joints", nodes, "nodes")?;
    if joints.is_empty() {
        return Err(joints_place.wrong("at least one joint"));
    }
    let inverse_bind = match place.get("inverseBindMatrices")? {
        None => {
            context
                .budget
                .values::<Mat4>(joints.len(), || place.pointer())?;
            vec![Mat4::IDENTITY; joints.len()]
        }
        Some(index) => {
            let accessor = accessor(data, index)?;
            if accessor.count < joints.len() {
                return Err(accessor.place.wrong_found(
                    format!("a matrix for each of {} joints", joints.len()),
                    accessor.count.to_string(),
                ));
            }
            let matrices: Vec<[f32; 16]> =
                data.floats(context, accessor, Shape::Mat4, Allowed::Float)?;
            context
                .budget
                .values::<Mat4>(joints.len(), || place.pointer())?;
            let mut matrices: Vec<Mat4> = matrices
                .iter()
                .take(joints.len())
                .map(Mat4::from_cols_array)
                .collect();
            let mut mended = 0usize;
            for matrix in &mut matrices {
                let row = matrix.row(3);
                if row != glam::Vec4::W {
                    mended += 1;
                    for column in 0..4 {
                        matrix.col_mut(column).w = if column == 3 { 1.0 } else { 0.0 };
                    }
                }
            }
            if mended > 0 {
                context.warn(accessor.place, || {
                    format!("the last row of {mended} matrices is not 0 0 0 1; it is put right")
                });
            }
            matrices
        }
    };
    context
        .budget
        .values::<u32>(joints.len(), || place.pointer())?;
    Ok(Skin {
        name: context.name(place)?,
        joints: joints.into_iter().map(|joint| joint as u32).collect(),
        inverse_bind,
        skeleton: place
            .optional_index("skeleton", nodes, "nodes")?
            .map(|node| node as u32),
    })
}

/// Checks that nodes, meshes and skins fit together.
pub(super) fn check_nodes(
    context: &mut Context,
    root: Cursor<'_>,
    nodes: &mut [Node],
    meshes: &[ReadMesh<'_>],
    skins: &[Skin],
) -> Result<(), Problem> {
    let Some(list) = root.get("nodes")? else {
        return Ok(());
    };
    for (node, place) in nodes.iter_mut().zip(list.elements()?.1) {
        let Some(mesh) = node.mesh.map(|mesh| &meshes[mesh]) else {
            continue;
        };
        if !node.morph_weights.is_empty() && node.morph_weights.len() != mesh.targets {
            return Err(place.required("weights")?.wrong(format!(
                "{} weights, one a morph target of {}",
                mesh.targets,
                mesh.place.pointer()
            )));
        }
        if let Some(skin) = node.skin {
            if !mesh.skinned {
                context.warn(place, || {
                    "has a skin, and its mesh has a primitive without joints".to_owned()
                });
            }
            let joints = skins[skin].joints.len();
            if mesh.joints > joints {
                return Err(place.wrong_found(
                    format!("a mesh that uses the {joints} joints of its skin"),
                    format!("joint {} in {}", mesh.joints - 1, mesh.place.pointer()),
                ));
            }
        } else if mesh.joints > 0 {
            context.warn(place, || {
                "its mesh has joints, and the node has no skin; it stays rigid".to_owned()
            });
        }
    }
    Ok(())
}

/// Notes skins whose joints do not hang together: they are posed all the same, each joint by its own place.
pub(super) fn check_skins(
    context: &mut Context,
    root: Cursor<'_>,
    nodes: &[Node],
    skins: &[Skin],
) -> Result<(), Problem> {
    let Some(list) = root.get("skins")? else {
        return Ok(());
    };
    context
        .budget
        .values::<[usize; 4]>(nodes.len(), || list.pointer())?;
    // Depth-first numbers: what is below a node are the numbers from its own to its last.
    let mut numbers = vec![(0, 0, 0); nodes.len()];
    let mut next = 0;
    for (root, _) in nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.parent.is_none())
    {
        let mut open = vec![(root, false)];
        while let Some((node, left)) = open.pop() {
            if left {
                numbers[node].1 = next;
                continue;
            }
            numbers[node] = (next, 0, root);
            next += 1;
            open.push((node, true));
            open.extend(nodes[node].children.iter().map(|&child| (child, false)));
        }
    }
    for (skin, place) in skins.iter().zip(list.elements()?.1) {
        let joints = || skin.joints.iter().map(|&joint| numbers[joint as usize]);
        let mut roots = joints().map(|(_, _, root)| root);
        let first = roots.next();
        if roots.any(|root| Some(root) != first) {
            context.warn(place, || "its joints have no common root".to_owned());
        }
        if let Some(skeleton) = skin.skeleton {
            let (start, end, _) = numbers[skeleton as usize];
            if !joints().all(|(number, _, _)| (start..end).contains(&number)) {
                context.warn(place, || {
                    format!("its skeleton, node {skeleton}, is not above all joints")
                });
            }
        }
    }
    Ok(())
}

/// What the channels of an animation can point to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts<'c> {
    /// For each node, how many morph targets its mesh has.
    pub(super) morph_targets: &'c [usize],
    pub(super) materials: usize,
    pub(super) meshes: usize,
    pub(super) cameras: usize,
    pub(super) lights: usize,
}

/// What a channel drives.
enum Driven<'a> {
    Node {
        node: usize,
        path: &'a str,
        place: Cursor<'a>,
    },
    Pointer {
        pointer: &'a str,
        object: PointerObject,
    },
}

/// Reads one element of `animations`.
pub(super) fn read_clip(
    context: &mut Context,
    data: &Data<'_>,
    place: Cursor<'_>,
    counts: &Counts<'_>,
) -> Result<Clip, Problem> {
    let name = context.name(place)?;
    let samplers_place = place.required("samplers")?;
    let samplers = context.list(place, "samplers", |_, place, _| Ok(place))?;
    place.required("channels")?;
    let mut nodes_driven = std::collections::BTreeSet::new();
    let mut pointers_driven = std::collections::BTreeSet::new();
    let mut pointers = Vec::new();
    let tracks = context.list(place, "channels", |context, channel, _| {
        let sampler = samplers[channel
            .required("sampler")?
            .index(samplers.len(), "samplers")?];
        match read_target(context, channel, counts)? {
            None => Ok(None),
            Some(Driven::Node { node, path, place }) => {
                if !nodes_driven.insert((node, path)) {
                    return Err(channel.wrong_found(
                        "a property that no other channel drives",
                        format!("{path} of node {node} again"),
                    ));
                }
                read_track(context, data, sampler, (node, path, place), counts)
            }
            Some(Driven::Pointer { pointer, object }) => {
                if !pointers_driven.insert(pointer) {
                    return Err(channel.wrong_found(
                        "a property that no other channel drives",
                        format!("{:?} again", shortened(pointer)),
                    ));
                }
                // The list of pointers doubles when it grows.
                context
                    .budget
                    .values::<[PointerTrack; 3]>(1, || channel.pointer())?;
                pointers.extend(read_pointer(context, data, sampler, pointer, object)?);
                Ok(None)
            }
        }
    })?;
    if samplers.is_empty() {
        context.warn(samplers_place, || {
            "an animation is to have samplers".to_owned()
        });
    }
    Ok(Clip {
        name,
        tracks: tracks.into_iter().flatten().collect(),
        pointers,
    })
}

/// What a channel drives; `None` where it says nothing that can be driven.
fn read_target<'a>(
    context: &mut Context,
    channel: Cursor<'a>,
    counts: &Counts<'_>,
) -> Result<Option<Driven<'a>>, Problem> {
    let target = channel.required("target")?;
    let place = target.required("path")?;
    let path = place.text()?;
    let nodes = counts.morph_targets.len();
    if path == "pointer" {
        let Some(extension) = context.extension(target, "KHR_animation_pointer")? else {
            context.warn(channel, || {
                "says nothing without KHR_animation_pointer; it is left out".to_owned()
            });
            return Ok(None);
        };
        let place = extension.required("pointer")?;
        let pointer = place.text()?;
        let mut parts = pointer.strip_prefix('/').unwrap_or_default().split('/');
        let list = match (parts.next(), parts.clone().next(), parts.clone().nth(1)) {
            (Some("extensions"), Some("KHR_lights_punctual"), Some("lights")) => {
                parts.nth(1);
                "lights"
            }
            (Some(list), _, _) => list,
            _ => "",
        };
        let index = parts.next().and_then(|index| index.parse::<u32>().ok());
        let property = parts.next();
        let (object, len) = match (list, index) {
            ("nodes", Some(index)) => (PointerObject::Node(index), nodes),
            ("materials", Some(index)) => (PointerObject::Material(index), counts.materials),
            ("meshes", Some(index)) => (PointerObject::Mesh(index), counts.meshes),
            ("cameras", Some(index)) => (PointerObject::Camera(index), counts.cameras),
            ("lights", Some(index)) => (PointerObject::Light(index), counts.lights),
            _ => (PointerObject::Other, usize::MAX),
        };
        if index.is_some_and(|index| index as usize >= len) || property.is_none() {
            context.warn(place, || {
                "points at nothing that can be driven; it is left out".to_owned()
            });
            return Ok(None);
        }
        return Ok(Some(match (object, property, parts.next()) {
            (
                PointerObject::Node(node),
                Some(path @ ("translation" | "rotation" | "scale" | "weights")),
                None,
            ) => Driven::Node {
                node: node as usize,
                path,
                place,
            },
            _ => Driven::Pointer { pointer, object },
        }));
    }
    if !matches!(path, "translation" | "rotation" | "scale" | "weights") {
        return Err(place.wrong("translation, rotation, scale or weights"));
    }
    let Some(node) = target.optional_index("node", nodes, "nodes")? else {
        context.warn(channel, || "names no node; it is left out".to_owned());
        return Ok(None);
    };
    Ok(Some(Driven::Node { node, path, place }))
}

/// When the keys of a sampler are, and what it says between them.
struct Keys {
    interpolation: Interpolation,
    times: Vec<f32>,
    /// All zero, unless an extension filled it in.
    timeless: bool,
}

fn read_keys(context: &mut Context, data: &Data<'_>, sampler: Cursor<'_>) -> Result<Keys, Problem> {
    let interpolation = match sampler.get("interpolation")? {
        None => Interpolation::Linear,
        Some(place) => match place.text()? {
            "LINEAR" => Interpolation::Linear,
            "STEP" => Interpolation::Step,
            "CUBICSPLINE" => Interpolation::CubicSpline,
            _ => return Err(place.wrong("LINEAR, STEP or CUBICSPLINE")),
        },
    };
    let input = accessor(data, sampler.required("input")?)?;
    let timeless = input.base.is_none() && input.sparse.is_none();
    let times: Vec<[f32; 1]> = data.floats(context, input, Shape::Scalar, Allowed::Float)?;
    check_bounds(context, input, &times)?;
    let times: Vec<f32> = bytemuck::cast_vec(times);
    let mut last = None;
    for (i, &time) in times.iter().enumerate() {
        if !timeless && (time < 0.0 || last.is_some_and(|last| last >= time)) {
            return Err(input.place.wrong_found(
                "times from 0 on that rise strictly",
                format!("{time} s at {i}"),
            ));
        }
        last = Some(time);
    }
    if interpolation == Interpolation::CubicSpline && times.len() < 2 {
        context.warn(sampler, || {
            "a spline is to have at least two keys".to_owned()
        });
    }
    Ok(Keys {
        interpolation,
        times,
        timeless,
    })
}

fn read_track(
    context: &mut Context,
    data: &Data<'_>,
    sampler: Cursor<'_>,
    (node, path, path_place): (usize, &str, Cursor<'_>),
    counts: &Counts<'_>,
) -> Result<Option<Track>, Problem> {
    let targets = counts.morph_targets[node];
    let keys = read_keys(context, data, sampler)?;
    let output = accessor(data, sampler.required("output")?)?;
    let per_key = keys.interpolation.values_per_key();
    let width = if path == "weights" { targets } else { 1 };
    if path == "weights" && targets == 0 {
        return Err(path_place.wrong_found(
            format!("a node with morph targets for {path:?}"),
            format!("node {node} without"),
        ));
    }
    let expected = keys
        .times
        .len()
        .checked_mul(per_key)
        .and_then(|values| values.checked_mul(width));
    if expected != Some(output.count) {
        return Err(output.place.wrong_found(
            format!(
                "{per_key} × {width} values for each of {} keys",
                keys.times.len()
            ),
            output.count.to_string(),
        ));
    }
    let values = match path {
        "translation" => {
            TrackValues::Translation(data.floats(context, output, Shape::Vec3, Allowed::Float)?)
        }
        "scale" => TrackValues::Scale(data.floats(context, output, Shape::Vec3, Allowed::Float)?),
        "rotation" => {
            let mut values: Vec<[f32; 4]> =
                data.floats(context, output, Shape::Vec4, Allowed::FloatOrNorm)?;
            unit_rotations(context, output, &mut values, keys.interpolation);
            TrackValues::Rotation(values)
        }
        _ => {
            let values: Vec<[f32; 1]> =
                data.floats(context, output, Shape::Scalar, Allowed::FloatOrNorm)?;
            TrackValues::Weights {
                targets,
                values: bytemuck::cast_vec(values),
            }
        }
    };
    if keys.timeless {
        context.warn(sampler, || "has no times; it is left out".to_owned());
        return Ok(None);
    }
    Ok(Some(Track {
        node: node as u32,
        interpolation: keys.interpolation,
        times: keys.times,
        values,
    }))
}

/// A track of any property: as many numbers as its accessor says.
fn read_pointer(
    context: &mut Context,
    data: &Data<'_>,
    sampler: Cursor<'_>,
    pointer: &str,
    object: PointerObject,
) -> Result<Option<PointerTrack>, Problem> {
    let keys = read_keys(context, data, sampler)?;
    let output = accessor(data, sampler.required("output")?)?;
    let values: Vec<f32> = {
        let (shape, any) = (output.shape, Allowed::Quantized);
        macro_rules! flat {
            ($n:literal) => {
                bytemuck::cast_vec(data.floats::<$n>(context, output, shape, any)?)
            };
        }
        match shape.components() {
            1 => flat!(1),
            2 => flat!(2),
            3 => flat!(3),
            4 => flat!(4),
            9 => flat!(9),
            _ => flat!(16),
        }
    };
    let per_width = keys
        .times
        .len()
        .saturating_mul(keys.interpolation.values_per_key());
    // A list of numbers, such as morph weights, is several elements a key.
    if per_width == 0 || !output.count.is_multiple_of(per_width) {
        return Err(output.place.wrong_found(
            format!("a multiple of {per_width} values"),
            output.count.to_string(),
        ));
    }
    context
        .budget
        .values::<u8>(pointer.len(), || sampler.pointer())?;
    if keys.timeless {
        context.warn(sampler, || "has no times; it is left out".to_owned());
        return Ok(None);
    }
    Ok(Some(PointerTrack {
        pointer: pointer.to_owned(),
        object,
        interpolation: keys.interpolation,
        width: values.len() / per_width,
        times: keys.times,
        values,
    }))
}

/// Normalises the rotations of a track; the tangents of splines are left as they are.
fn unit_rotations(
    context: &mut Context,
    output: &Accessor<'_>,
    values: &mut [[f32; 4]],
    interpolation: Interpolation,
) {
    let (start, step) = match interpolation {
        Interpolation::CubicSpline => (1, 3),
        _ => (0, 1),
    };
    let mut mended = 0usize;
    for value in values.iter_mut().skip(start).step_by(step) {
        let quaternion = glam::Quat::from_array(*value);
        if is_unit(quaternion) {
            continue;
        }
        let length = quaternion.length();
        if (length - 1.0).abs() > 1e-2 {
            mended += 1;
        }
        *value = if length.is_finite() && length > 1e-6 {
            quaternion.normalize().to_array()
        } else {
            glam::Quat::IDENTITY.to_array()
        };
    }
    if mended > 0 {
        context.warn(output.place, || {
            format!("{mended} rotations are not unit quaternions; they are normalized")
        });
    }
}
