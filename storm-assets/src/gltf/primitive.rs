//! Meshes and their primitives (glTF 2.0 §3.7.2): one [`Mesh`] a primitive, in one of three topologies, always indexed.

use std::collections::BTreeMap;

use super::{
    attribute,
    context::Context,
    cursor::Cursor,
    decode::Data,
    error::Problem,
    options::Stage,
    spell::{Mode, spell_out},
};
use crate::{Handle, Material, Mesh, MorphTarget, Topology};

/// A primitive of a glTF mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primitive {
    /// Its place in the `primitives` of the file; some may have been left out.
    pub index: usize,
    /// Its geometry. Primitives that differ in nothing but their material share it, under the label of the first.
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
    /// Which primitives have another surface in which variant (KHR_materials_variants); each pair at most once.
    pub variants: Vec<VariantMaterial>,
}

/// The surface of a primitive in one variant of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariantMaterial {
    /// Place in [`MeshGroup::primitives`].
    pub primitive: usize,
    /// Index into [`Gltf::variants`](super::Gltf::variants).
    pub variant: usize,
    /// What it is drawn with then.
    pub material: Handle<Material>,
}

/// A primitive as it was read, before it goes into the library.
pub(super) struct ReadPrimitive {
    pub(super) index: usize,
    /// Index into [`Geometries`].
    pub(super) geometry: usize,
    pub(super) material: Option<usize>,
    /// Variants and their materials.
    pub(super) variants: Vec<(usize, usize)>,
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

/// What one or more primitives draw.
pub(super) struct Geometry {
    pub(super) mesh: Mesh,
    pub(super) handle: Handle<Mesh>,
    /// One more than the highest joint index with a weight; 0 without joints.
    joints: usize,
}

/// All geometries of a file. Primitives that differ only in their material share one: many files place the same shape in several colours.
#[derive(Default)]
pub(super) struct Geometries {
    pub(super) list: Vec<Geometry>,
    by_key: BTreeMap<Vec<u8>, usize>,
}

/// What the reading of meshes needs to know of the rest of the file.
pub(super) struct Surroundings<'a, 'd> {
    pub(super) data: &'d Data<'a>,
    pub(super) materials: &'d [Material],
    /// Whether KHR_mesh_quantization is used.
    pub(super) quantized: bool,
    /// How many variants of its materials the file has.
    pub(super) variants: usize,
}

/// Reads one element of `meshes`.
pub(super) fn read_mesh<'a>(
    context: &mut Context,
    surroundings: &Surroundings<'a, '_>,
    geometries: &mut Geometries,
    place: Cursor<'a>,
    mesh_index: usize,
) -> Result<ReadMesh<'a>, Problem> {
    let name = context.name(place)?;
    let list = place.required("primitives")?;
    let (count, mut elements) = list.elements()?;
    let targets = match elements.next() {
        Some(first) => first.count("targets")?,
        None => 0,
    };
    let mut morph_weights = context.floats(place, "weights")?;
    if morph_weights.is_empty() {
        context.budget.values::<f32>(targets, || place.pointer())?;
        morph_weights = vec![0.0; targets];
    } else if morph_weights.len() != targets {
        return Err(place
            .required("weights")?
            .wrong(format!("{targets} weights, one a morph target")));
    }
    let mut skinned = true;
    let mut joints = 0;
    let read = context.list(place, "primitives", |context, primitive, index| {
        let found = primitive.count("targets")?;
        if found != targets {
            return Err(primitive.wrong_found(
                format!("{targets} morph targets, as in the first primitive"),
                found.to_string(),
            ));
        }
        let material =
            primitive.optional_index("material", surroundings.materials.len(), "materials")?;
        let material_value = material.map(|material| &surroundings.materials[material]);
        let variants = read_variants(context, surroundings, primitive)?;
        // What any of its surfaces needs: a variant is chosen later.
        let tangent_uv_set = material
            .into_iter()
            .chain(variants.iter().map(|(_, material)| *material))
            .find_map(|material| surroundings.materials[material].tangent_uv_set());
        let key = key(context, primitive, tangent_uv_set, &morph_weights)?;
        let geometry = match geometries.by_key.get(&key) {
            Some(geometry) => *geometry,
            None => {
                let Some(mut mesh) = read_geometry(context, surroundings, primitive)? else {
                    return Ok(None);
                };
                context
                    .budget
                    .values::<u8>(name.len() + 24, || primitive.pointer())?;
                mesh.name = if count == 1 {
                    name.clone()
                } else {
                    format!("{name}/{index}")
                };
                context
                    .budget
                    .values::<f32>(targets, || primitive.pointer())?;
                mesh.morph_weights.clone_from(&morph_weights);
                let joints = attribute::clean_skin(context, primitive, &mut mesh);
                if let Some(uv_set) = tangent_uv_set {
                    add_tangents(context, primitive, &mut mesh, uv_set as usize)?;
                }
                if let Err(error) = mesh.check() {
                    return Err(primitive.wrong_found("a well-formed mesh", error.to_string()));
                }
                // Once here and once in the library.
                context
                    .budget
                    .values::<[Geometry; 2]>(1, || primitive.pointer())?;
                let label = format!("mesh/{mesh_index}/primitive/{index}");
                geometries.list.push(Geometry {
                    mesh,
                    handle: context.handle(&label),
                    joints,
                });
                geometries.by_key.insert(key, geometries.list.len() - 1);
                geometries.list.len() - 1
            }
        };
        let shape = &geometries.list[geometry];
        skinned &= !shape.mesh.joints.is_empty();
        joints = joints.max(shape.joints);
        if let Some(material) = material_value {
            check_uv_sets(context, primitive, &shape.mesh, material);
        }
        context.part_done(Stage::Primitive)?;
        Ok(Some(ReadPrimitive {
            index,
            geometry,
            material,
            variants,
        }))
    })?;
    Ok(ReadMesh {
        place,
        name,
        primitives: read.into_iter().flatten().collect(),
        morph_weights,
        targets,
        joints,
        skinned,
    })
}

/// All that the geometry of a primitive depends on, as bytes: equal keys give equal meshes.
fn key(
    context: &mut Context,
    place: Cursor<'_>,
    tangent_uv_set: Option<u32>,
    morph_weights: &[f32],
) -> Result<Vec<u8>, Problem> {
    fn attributes(key: &mut Vec<u8>, place: Cursor<'_>) -> Result<(), Problem> {
        for (semantic, accessor) in place.members()? {
            // Lengths before texts keep different lists apart.
            key.extend(semantic.len().to_le_bytes());
            key.extend(semantic.as_bytes());
            key.extend(accessor.unsigned()?.to_le_bytes());
        }
        key.extend(usize::MAX.to_le_bytes());
        Ok(())
    }
    let mut key = vec![Mode::read(place)? as u8];
    key.extend(tangent_uv_set.map_or(-1, i64::from).to_le_bytes());
    let indices = place.get("indices")?.map(Cursor::unsigned).transpose()?;
    key.extend(indices.unwrap_or(u64::MAX).to_le_bytes());
    attributes(&mut key, place.required("attributes")?)?;
    if let Some(targets) = place.get("targets")? {
        for target in targets.elements()?.1 {
            attributes(&mut key, target)?;
        }
    }
    key.extend(morph_weights.iter().flat_map(|weight| weight.to_le_bytes()));
    // Paid for after it is made: it is a few times the JSON it comes from. The map's own nodes are in the 64.
    context
        .budget
        .values::<u8>(key.capacity() + 64, || place.pointer())?;
    Ok(key)
}

fn read_geometry<'a>(
    context: &mut Context,
    surroundings: &Surroundings<'a, '_>,
    place: Cursor<'a>,
) -> Result<Option<Mesh>, Problem> {
    let mode = Mode::read(place)?;
    let attributes = place.required("attributes")?;
    let Some(mut mesh) = attribute::read_attributes(context, surroundings, attributes)? else {
        context.warn(place, || "has no POSITION: left out".to_owned());
        return Ok(None);
    };
    let vertices = mesh.positions.len();
    if let Some(targets) = place.get("targets")? {
        let (len, elements) = targets.elements()?;
        context
            .budget
            .values::<MorphTarget>(len, || targets.pointer())?;
        mesh.morph_targets.reserve_exact(len);
        for target in elements {
            let target = attribute::read_target(context, surroundings, target, &mesh)?;
            mesh.morph_targets.push(target);
        }
    }
    let indices = match place.get("indices")? {
        Some(index) => {
            let accessor = attribute::accessor(surroundings, index)?;
            attribute::read_indices(context, surroundings, accessor, vertices)?
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
    }
    Ok(Some(mesh))
}

/// Notes UV sets that a material uses and a mesh does not have.
fn check_uv_sets(context: &mut Context, place: Cursor<'_>, mesh: &Mesh, material: &Material) {
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
}

/// Reads which material a primitive has in which variant.
fn read_variants(
    context: &mut Context,
    surroundings: &Surroundings<'_, '_>,
    place: Cursor<'_>,
) -> Result<Vec<(usize, usize)>, Problem> {
    let Some(extension) = context.extension(place, "KHR_materials_variants")? else {
        return Ok(Vec::new());
    };
    let mut variants = std::collections::BTreeMap::new();
    for mapping in extension.required("mappings")?.elements()?.1 {
        let material = mapping
            .required("material")?
            .index(surroundings.materials.len(), "materials")?;
        for place in mapping.required("variants")?.elements()?.1 {
            let variant = place.index(surroundings.variants, "variants")?;
            context
                .budget
                .values::<[(usize, usize); 4]>(1, || place.pointer())?;
            if variants.insert(variant, material).is_some() {
                return Err(place.wrong_found("each variant once", format!("{variant} again")));
            }
        }
    }
    Ok(variants.into_iter().collect())
}

/// Reads the names of the variants of a file.
pub(super) fn read_variant_names(
    context: &mut Context,
    root: Cursor<'_>,
) -> Result<Vec<String>, Problem> {
    match context.extension(root, "KHR_materials_variants")? {
        Some(extension) => {
            extension.required("variants")?;
            context.list(extension, "variants", |context, place, _| {
                context.name(place)
            })
        }
        None => Ok(Vec::new()),
    }
}

/// Makes the tangents that a surface needs, of a UV set.
fn add_tangents(
    context: &mut Context,
    place: Cursor<'_>,
    mesh: &mut Mesh,
    uv_set: usize,
) -> Result<(), Problem> {
    if mesh.topology != Topology::Triangles || !mesh.tangents.is_empty() || uv_set >= mesh.uvs.len()
    {
        return Ok(());
    }
    // While it runs, and for the vertices that it may split off: one a corner at most.
    let per_corner = 160 + mesh.bytes_per_vertex();
    context
        .budget
        .values::<u8>(mesh.indices.len().saturating_mul(per_corner), || {
            place.pointer()
        })?;
    if let Err(error) = mesh.generate_tangents(uv_set) {
        context.warn(place, || error.to_string());
    }
    Ok(())
}
