//! Vertex attributes, morph targets and indices of a primitive, decoded and mended.

use glam::Vec3;

use super::{
    accessor::{Accessor, Component, Shape},
    context::Context,
    cursor::Cursor,
    decode::{Allowed, Data, check_bounds, describe},
    error::{Problem, shortened},
    primitive::Surroundings,
};
use crate::{
    Mesh, MorphTarget,
    unit::{UNIT_SQUARED, unit},
};

pub(super) fn accessor<'d, 'a>(
    surroundings: &Surroundings<'a, 'd>,
    index: Cursor<'_>,
) -> Result<&'d Accessor<'a>, Problem> {
    let accessors = &surroundings.data.accessors;
    Ok(&accessors[index.index(accessors.len(), "accessors")?])
}

pub(super) fn read_indices(
    context: &mut Context,
    surroundings: &Surroundings<'_, '_>,
    accessor: &Accessor<'_>,
    vertices: usize,
) -> Result<Vec<u32>, Problem> {
    if accessor.shape != Shape::Scalar
        || accessor.normalized
        || !matches!(
            accessor.component,
            Component::U8 | Component::U16 | Component::U32
        )
    {
        return Err(accessor.place.wrong_found(
            "SCALAR of unsigned byte, short or int for indices",
            describe(accessor),
        ));
    }
    if accessor.strided {
        context.warn(accessor.place, || {
            "indices are to be in a buffer view without a stride".to_owned()
        });
    }
    let indices = surroundings.data.unsigned::<1>(context, accessor)?;
    let indices: Vec<u32> = bytemuck::cast_vec(indices);
    // The largest decides, many at a time; where it is too large, the first that is has to be found.
    let largest = indices.iter().copied().max().unwrap_or(0);
    let too_large = |&index: &u32| index as usize >= vertices;
    let first = if too_large(&largest) {
        indices.iter().position(too_large)
    } else {
        None
    };
    match first {
        None => {
            let restart = match accessor.component {
                Component::U8 => 0xff,
                Component::U16 => 0xffff,
                _ => u32::MAX,
            };
            if largest == restart {
                context.warn(accessor.place, || {
                    format!(
                        "holds {restart}, which elsewhere restarts primitives; here it is an index"
                    )
                });
            }
            Ok(indices)
        }
        Some(at) => Err(accessor.place.wrong_found(
            format!("indices below {vertices}, the count of vertices"),
            format!("{} at {at}", indices[at]),
        )),
    }
}

/// Vertex attributes by set number, before they are put in order.
#[derive(Default)]
struct Sets<'a> {
    uvs: Vec<(usize, Cursor<'a>)>,
    colors: Vec<(usize, Cursor<'a>)>,
    joints: Vec<(usize, Cursor<'a>)>,
    weights: Vec<(usize, Cursor<'a>)>,
}

pub(super) fn read_attributes<'a>(
    context: &mut Context,
    surroundings: &Surroundings<'a, '_>,
    place: Cursor<'a>,
) -> Result<Option<Mesh>, Problem> {
    let data = surroundings.data;
    let mut mesh = Mesh::default();
    let Some(position) = place.get("POSITION")? else {
        return Ok(None);
    };
    let sets = sort_attributes(context, place)?;
    let float = if surroundings.quantized {
        Allowed::Quantized
    } else {
        Allowed::Float
    };
    let position = accessor(surroundings, position)?;
    let vertices = position.count;
    if u32::try_from(vertices).is_err() {
        return Err(position.place.wrong("at most 4294967295 vertices"));
    }
    mesh.positions = data.floats(context, position, Shape::Vec3, float)?;
    check_bounds(context, position, &mesh.positions)?;
    let attribute = |place: Cursor<'a>| {
        let accessor = accessor(surroundings, place)?;
        if accessor.count == vertices {
            Ok(accessor)
        } else {
            Err(place.wrong_found(
                format!("an accessor of {vertices} elements, as many as POSITION has"),
                accessor.count.to_string(),
            ))
        }
    };
    let float = if surroundings.quantized {
        Allowed::FloatOrNorm
    } else {
        Allowed::Float
    };
    if let Some(place) = place.get("NORMAL")? {
        mesh.normals = data.floats(context, attribute(place)?, Shape::Vec3, float)?;
        unit_normals(context, place, &mut mesh.normals);
    }
    if let Some(place) = place.get("TANGENT")? {
        mesh.tangents = data.floats(context, attribute(place)?, Shape::Vec4, float)?;
        unit_tangents(context, place, &mut mesh.tangents);
    }
    let uv = if surroundings.quantized {
        Allowed::Quantized
    } else {
        Allowed::FloatOrUnorm
    };
    for (_, place) in &sets.uvs {
        let set = data.floats(context, attribute(*place)?, Shape::Vec2, uv)?;
        mesh.uvs.push(set);
    }
    if let Some((_, place)) = sets.colors.first() {
        mesh.colors = read_colours(context, data, attribute(*place)?)?;
    }
    if sets.joints.len() != sets.weights.len() {
        return Err(place.wrong_found(
            "as many JOINTS_n as WEIGHTS_n",
            format!("{} and {}", sets.joints.len(), sets.weights.len()),
        ));
    }
    for ((_, joints), (_, weights)) in sets.joints.iter().zip(&sets.weights) {
        let set = data.joints(context, attribute(*joints)?)?;
        mesh.joints.push(set);
        let set = data.floats(
            context,
            attribute(*weights)?,
            Shape::Vec4,
            Allowed::FloatOrUnorm,
        )?;
        mesh.weights.push(set);
    }
    Ok(Some(mesh))
}

/// Sorts attributes with set numbers; the numbers must go up from 0 without a gap.
fn sort_attributes<'a>(context: &mut Context, place: Cursor<'a>) -> Result<Sets<'a>, Problem> {
    let mut sets = Sets::default();
    for (semantic, value) in place.members()? {
        let split = semantic.rsplit_once('_').and_then(|(name, number)| {
            // No sign, no leading zero.
            let canonical = number == "0" || !number.starts_with(['0', '+']);
            let number = number.parse::<usize>().ok().filter(|_| canonical)?;
            Some((name, number))
        });
        let list = match (semantic, split) {
            ("POSITION" | "NORMAL" | "TANGENT", _) => continue,
            // Application-specific ones are no concern of ours.
            (name, _) if name.starts_with('_') => continue,
            (_, Some(("TEXCOORD", _))) => &mut sets.uvs,
            (_, Some(("COLOR", _))) => &mut sets.colors,
            (_, Some(("JOINTS", _))) => &mut sets.joints,
            (_, Some(("WEIGHTS", _))) => &mut sets.weights,
            _ => {
                context.warn(value, || {
                    format!(
                        "{:?} is no attribute of glTF 2.0; it is ignored",
                        shortened(semantic)
                    )
                });
                continue;
            }
        };
        context
            .budget
            .values::<(usize, Cursor<'_>)>(2, || value.pointer())?;
        list.push((split.map_or(0, |(_, number)| number), value));
    }
    for (name, list) in [
        ("TEXCOORD", &mut sets.uvs),
        ("COLOR", &mut sets.colors),
        ("JOINTS", &mut sets.joints),
        ("WEIGHTS", &mut sets.weights),
    ] {
        list.sort_by_key(|(number, _)| *number);
        for (expected, (found, value)) in list.iter().enumerate() {
            if *found != expected {
                return Err(value.wrong_found(
                    format!("{name}_{expected} before any higher set"),
                    format!("{name}_{found}"),
                ));
            }
        }
    }
    if let Some((_, second)) = sets.colors.get(1) {
        context.warn(*second, || "only COLOR_0 is used".to_owned());
    }
    Ok(sets)
}

fn read_colours<'a>(
    context: &mut Context,
    data: &Data<'a>,
    accessor: &Accessor<'a>,
) -> Result<Vec<[f32; 4]>, Problem> {
    let mut colours: Vec<[f32; 4]> = if accessor.shape == Shape::Vec4 {
        data.floats(context, accessor, Shape::Vec4, Allowed::FloatOrUnorm)?
    } else {
        let rgb: Vec<[f32; 3]> =
            data.floats(context, accessor, Shape::Vec3, Allowed::FloatOrUnorm)?;
        context
            .budget
            .values::<[f32; 4]>(rgb.len(), || accessor.place.pointer())?;
        rgb.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect()
    };
    let mut mended = 0usize;
    for colour in &mut colours {
        let clamped = colour.map(|channel| channel.clamp(0.0, 1.0));
        mended += usize::from(clamped != *colour);
        *colour = clamped;
    }
    if mended > 0 {
        context.warn(accessor.place, || {
            format!("{mended} colours are out of 0 to 1; they are clamped")
        });
    }
    Ok(colours)
}

pub(super) fn read_target<'a>(
    context: &mut Context,
    surroundings: &Surroundings<'a, '_>,
    place: Cursor<'a>,
    base: &Mesh,
) -> Result<MorphTarget, Problem> {
    let allowed = if surroundings.quantized {
        Allowed::Quantized
    } else {
        Allowed::Float
    };
    let vertices = base.positions.len();
    let mut target = MorphTarget::default();
    for (semantic, value) in place.members()? {
        let (list, base_has) = match semantic {
            "POSITION" => (&mut target.positions, true),
            "NORMAL" => (&mut target.normals, !base.normals.is_empty()),
            "TANGENT" => (&mut target.tangents, !base.tangents.is_empty()),
            name if name.starts_with('_') => continue,
            _ => {
                context.warn(value, || {
                    format!(
                        "morphing of {:?} is not supported; it is ignored",
                        shortened(semantic)
                    )
                });
                continue;
            }
        };
        if !base_has {
            context.warn(value, || {
                "morphs an attribute that the primitive does not have; it is ignored".to_owned()
            });
            continue;
        }
        let accessor = accessor(surroundings, value)?;
        if accessor.count != vertices {
            return Err(value.wrong_found(
                format!("an accessor of {vertices} elements, as many as POSITION has"),
                accessor.count.to_string(),
            ));
        }
        if !list.is_empty() {
            return Err(value.wrong_found("one member of this name", "two"));
        }
        *list = surroundings
            .data
            .floats(context, accessor, Shape::Vec3, allowed)?;
        if semantic == "POSITION" {
            check_bounds(context, accessor, list)?;
        }
    }
    Ok(target)
}

/// How far from 1 the squared length of a unit vector may be before it is mended: quantised normals need some room.
const UNIT_TOLERANCE: f32 = 0.02;

fn unit_normals(context: &mut Context, place: Cursor<'_>, normals: &mut [[f32; 3]]) {
    let mut mended = 0usize;
    for normal in normals {
        let n = Vec3::from(*normal);
        if (n.length_squared() - 1.0).abs() > UNIT_TOLERANCE {
            *normal = unit(n).unwrap_or(Vec3::Y).to_array();
            mended += 1;
        }
    }
    if mended > 0 {
        context.warn(place, || {
            format!("{mended} normals are not of unit length; they are normalized")
        });
    }
}

fn unit_tangents(context: &mut Context, place: Cursor<'_>, tangents: &mut [[f32; 4]]) {
    let mut mended = 0usize;
    for [x, y, z, w] in tangents {
        let t = Vec3::new(*x, *y, *z);
        let long = (t.length_squared() - 1.0).abs() > UNIT_TOLERANCE;
        if long {
            [*x, *y, *z] = unit(t).unwrap_or(Vec3::X).to_array();
        }
        let sign = if *w < 0.0 { -1.0 } else { 1.0 };
        mended += usize::from(long || (*w - sign).abs() > UNIT_TOLERANCE);
        *w = sign;
    }
    if mended > 0 {
        context.warn(place, || {
            format!("{mended} tangents are not of unit length with ±1 as W; they are mended")
        });
    }
}

/// Makes the weights of each vertex sum to 1 and unused joints 0; gives one more than the highest joint in use.
pub(super) fn clean_skin(context: &mut Context, place: Cursor<'_>, mesh: &mut Mesh) -> usize {
    if mesh.weights.is_empty() {
        return 0;
    }
    let mut mended = 0usize;
    let mut joints = 0;
    for vertex in 0..mesh.positions.len() {
        let mut sum = 0.0;
        let mut negative = false;
        for set in &mut mesh.weights {
            for weight in &mut set[vertex] {
                negative |= *weight < 0.0;
                *weight = weight.max(0.0);
                sum += *weight;
            }
        }
        // Quantised weights miss 1 by a step of 1/255 at most.
        let off = !(0.99..=1.01).contains(&sum);
        mended += usize::from(negative || off);
        let usable = sum > 0.0 && sum.is_finite();
        // Dividing again would turn last digits over.
        let sum = if (sum - 1.0).abs() <= UNIT_SQUARED {
            1.0
        } else {
            sum
        };
        if !usable {
            // The first joint takes a vertex that no joint claims.
            mesh.weights[0][vertex] = [1.0, 0.0, 0.0, 0.0];
            mesh.joints[0][vertex] = [0; 4];
            for set in &mut mesh.weights[1..] {
                set[vertex] = [0.0; 4];
            }
        }
        for (set, joint_set) in mesh.weights.iter_mut().zip(&mut mesh.joints) {
            for (weight, joint) in set[vertex].iter_mut().zip(&mut joint_set[vertex]) {
                if usable {
                    *weight /= sum;
                }
                if *weight == 0.0 {
                    *joint = 0;
                } else {
                    joints = joints.max(usize::from(*joint) + 1);
                }
            }
        }
    }
    if mended > 0 {
        context.warn(place, || {
            format!("the weights of {mended} vertices do not sum to 1; they are normalized")
        });
    }
    joints
}
