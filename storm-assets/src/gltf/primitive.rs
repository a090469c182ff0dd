//! Meshes and their primitives (glTF 2.0 §3.7.2): one [`Mesh`] a primitive, in one of three topologies, always indexed.

use glam::Vec3;

use super::{
    accessor::{Accessor, Component, Shape},
    context::Context,
    decode::{Allowed, Data, check_bounds, describe},
    error::{Problem, shortened},
    json::Cursor,
    options::Stage,
    spell::{Mode, spell_out},
};
use crate::{Handle, Material, Mesh, MorphTarget, Topology};

/// A primitive of a glTF mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primitive {
    /// Its place in the `primitives` of the file; some may have been left out.
    pub index: usize,
    /// Its geometry.
    pub mesh: Handle<Mesh>,
    /// Its surface; the default material where the file names none.
    pub material: Handle<Material>,
}

/// A glTF mesh: primitives that are drawn together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshGroup {
    /// For people; need not be unique.
    pub name: String,
    /// Those that can be drawn.
    pub primitives: Vec<Primitive>,
    /// Default weights of the morph targets, one a target.
    pub morph_weights: Vec<f32>,
}

/// A primitive as it was read, before it goes into the library.
pub(super) struct ReadPrimitive {
    pub(super) index: usize,
    pub(super) mesh: Mesh,
    pub(super) material: Option<usize>,
}

/// A mesh as it was read.
pub(super) struct ReadMesh<'a> {
    pub(super) place: Cursor<'a>,
    pub(super) name: String,
    pub(super) primitives: Vec<ReadPrimitive>,
    pub(super) morph_weights: Vec<f32>,
    /// Morph targets of each of its primitives.
    pub(super) targets: usize,
    /// One more than the highest joint index with a weight; 0 without joints.
    pub(super) joints: usize,
    /// Whether every primitive has joints and weights.
    pub(super) skinned: bool,
}

/// What the reading of meshes needs to know of the rest of the file.
pub(super) struct Surroundings<'a, 'd> {
    pub(super) data: &'d Data<'a>,
    pub(super) materials: &'d [Material],
    /// Whether KHR_mesh_quantization is used.
    pub(super) quantized: bool,
}

/// Reads one element of `meshes`.
pub(super) fn read_mesh<'a>(
    context: &mut Context,
    surroundings: &Surroundings<'a, '_>,
    place: Cursor<'a>,
) -> Result<ReadMesh<'a>, Problem> {
    let name = context.name(place)?;
    let list = place.required("primitives")?;
    let mut targets = None;
    let mut skinned = true;
    let mut joints = 0;
    let single = list.elements()?.0 == 1;
    let read = context.list(place, "primitives", |context, primitive, index| {
        let count = primitive.count("targets")?;
        if *targets.get_or_insert(count) != count {
            return Err(primitive.wrong_found(
                format!(
                    "{} morph targets, as in the first primitive",
                    targets.unwrap_or(0)
                ),
                count.to_string(),
            ));
        }
        let Some((mut mesh, material)) = read_primitive(context, surroundings, primitive)? else {
            return Ok(None);
        };
        context
            .budget
            .values::<u8>(name.len() + 24, || primitive.pointer())?;
        mesh.name = if single {
            name.clone()
        } else {
            format!("{name}/{index}")
        };
        skinned &= !mesh.joints.is_empty();
        joints = joints.max(clean_skin(context, primitive, &mut mesh));
        context.part_done(Stage::Primitive)?;
        Ok(Some(ReadPrimitive {
            index,
            mesh,
            material,
        }))
    })?;
    let mut primitives: Vec<ReadPrimitive> = read.into_iter().flatten().collect();
    let targets = targets.unwrap_or(0);
    let mut morph_weights = context.floats(place, "weights")?;
    if morph_weights.is_empty() {
        context.budget.values::<f32>(targets, || place.pointer())?;
        morph_weights = vec![0.0; targets];
    } else if morph_weights.len() != targets {
        return Err(place
            .required("weights")?
            .wrong(format!("{targets} weights, one a morph target")));
    }
    for primitive in &mut primitives {
        context.budget.values::<f32>(targets, || place.pointer())?;
        primitive.mesh.morph_weights.clone_from(&morph_weights);
    }
    Ok(ReadMesh {
        place,
        name,
        primitives,
        morph_weights,
        targets,
        joints,
        skinned,
    })
}

fn read_primitive<'a>(
    context: &mut Context,
    surroundings: &Surroundings<'a, '_>,
    place: Cursor<'a>,
) -> Result<Option<(Mesh, Option<usize>)>, Problem> {
    let mode = Mode::read(place)?;
    let material = place.optional_index("material", surroundings.materials.len(), "materials")?;
    let attributes = place.required("attributes")?;
    let Some(mut mesh) = read_attributes(context, surroundings, attributes)? else {
        context.warn(place, || "has no POSITION: left out".to_owned());
        return Ok(None);
    };
    let vertices = mesh.positions.len();
    if let Some(targets) = place.get("targets")? {
        let (len, elements) = targets.elements()?;
        context
            .budget
            .values::<MorphTarget>(len, || targets.pointer())?;
        for target in elements {
            let target = read_target(context, surroundings, target, &mesh)?;
            mesh.morph_targets.push(target);
        }
    }
    let indices = match place.get("indices")? {
        Some(index) => {
            let accessor = accessor(surroundings, index)?;
            read_indices(context, surroundings, accessor, vertices)?
        }
        None => {
            context.budget.values::<u32>(vertices, || place.pointer())?;
            (0..).take(vertices).collect()
        }
    };
    mesh.topology = mode.topology();
    mesh.indices = spell_out(context, place, mode, indices)?;
    if mesh.topology == Topology::Triangles && mesh.normals.is_empty() {
        // glTF 2.0 §3.7.2.1: flat normals, and tangents that came without normals are ignored.
        let corners = mesh.indices.len();
        let bytes = mesh.bytes_per_vertex() + size_of::<[f32; 3]>() + size_of::<u32>();
        context
            .budget
            .values::<u8>(corners.saturating_mul(bytes), || place.pointer())?;
        mesh = mesh.with_flat_normals();
        for target in &mut mesh.morph_targets {
            target.normals.clear();
            target.tangents.clear();
        }
    }
    if let Some(material) = material {
        fit_material(context, place, &mut mesh, &surroundings.materials[material])?;
    }
    if let Err(error) = mesh.check() {
        return Err(place.wrong_found("a well-formed mesh", error.to_string()));
    }
    Ok(Some((mesh, material)))
}

/// Makes the tangents that a normal texture needs, and notes UV sets that the mesh does not have.
fn fit_material(
    context: &mut Context,
    place: Cursor<'_>,
    mesh: &mut Mesh,
    material: &Material,
) -> Result<(), Problem> {
    for slot in material.textures() {
        if slot.uv_set as usize >= mesh.uvs.len() {
            context.warn(place, || {
                format!(
                    "its material uses TEXCOORD_{}, which it does not have",
                    slot.uv_set
                )
            });
        }
    }
    if let Some(normal) = &material.normal_texture
        && mesh.topology == Topology::Triangles
        && mesh.tangents.is_empty()
        && (normal.uv_set as usize) < mesh.uvs.len()
    {
        // While it runs, and for the vertices that it may split off: one a corner at most.
        let per_corner = 160 + mesh.bytes_per_vertex();
        context
            .budget
            .values::<u8>(mesh.indices.len().saturating_mul(per_corner), || {
                place.pointer()
            })?;
        if let Err(error) = mesh.generate_tangents(normal.uv_set as usize) {
            context.warn(place, || error.to_string());
        }
    }
    Ok(())
}

fn accessor<'d, 'a>(
    surroundings: &Surroundings<'a, 'd>,
    index: Cursor<'_>,
) -> Result<&'d Accessor<'a>, Problem> {
    let accessors = &surroundings.data.accessors;
    Ok(&accessors[index.index(accessors.len(), "accessors")?])
}

fn read_indices(
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
    match indices.iter().position(|&index| index as usize >= vertices) {
        None => Ok(indices),
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

fn read_attributes<'a>(
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
    if accessor.shape == Shape::Vec4 {
        return data.floats(context, accessor, Shape::Vec4, Allowed::FloatOrUnorm);
    }
    let rgb: Vec<[f32; 3]> = data.floats(context, accessor, Shape::Vec3, Allowed::FloatOrUnorm)?;
    context
        .budget
        .values::<[f32; 4]>(rgb.len(), || accessor.place.pointer())?;
    Ok(rgb.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect())
}

fn read_target<'a>(
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
            *normal = n.normalize_or(Vec3::Y).to_array();
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
            [*x, *y, *z] = t.normalize_or(Vec3::X).to_array();
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
fn clean_skin(context: &mut Context, place: Cursor<'_>, mesh: &mut Mesh) -> usize {
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
