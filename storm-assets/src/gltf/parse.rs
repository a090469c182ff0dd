//! From bytes to checked values: the order in which a file is read.

use std::collections::BTreeSet;

use super::{
    Gltf, MeshGroup, Summary,
    accessor::{self},
    animation,
    context::Context,
    cursor::Cursor,
    decode::Data,
    error::{GltfError, Problem},
    extensions, glb,
    image::{self, Picture},
    json::Document,
    kept,
    material::{self, image_label},
    node,
    options::{LoadOptions, Stage},
    primitive::{self, Geometries, Primitive, ReadMesh, Surroundings, VariantMaterial},
    resource::{self, Resolver},
};
use crate::{Handle, Image, Library, Material};

/// Reads a .gltf or .glb from its bytes. What it refers to by relative URI comes from `resolver`; no file is touched.
///
/// # Errors
/// What breaks a rule of glTF 2.0 so that its meaning is lost, needs an extension that is not known, or goes over a limit. What can be
/// mended is mended, and noted in [`Gltf::warnings`].
///
/// ```
/// use storm_assets::gltf::{self, LoadOptions};
///
/// let json = br#"{
///     "asset": { "version": "2.0" },
///     "buffers": [{ "uri": "triangle.bin", "byteLength": 36 }],
///     "bufferViews": [{ "buffer": 0, "byteLength": 36 }],
///     "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" }],
///     "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }]
/// }"#;
/// let file = gltf::parse(
///     json,
///     &mut |request| {
///         assert_eq!(request.uri, "triangle.bin");
///         Ok([0f32, 0., 0., 1., 0., 0., 0., 1., 0.].iter().flat_map(|x| x.to_le_bytes()).collect())
///     },
///     &LoadOptions::default(),
/// )?;
/// let mesh = file.library.meshes.get(file.meshes[0].primitives[0].mesh).unwrap();
/// assert_eq!(mesh.positions[1], [1.0, 0.0, 0.0]);
/// assert_eq!(mesh.normals[1], [0.0, 0.0, 1.0], "flat, for the file has none");
/// # Ok::<(), gltf::GltfError>(())
/// ```
pub fn parse(
    bytes: &[u8],
    resolver: &mut Resolver<'_>,
    options: &LoadOptions,
) -> Result<Gltf, GltfError> {
    let source = options
        .source
        .clone()
        .unwrap_or_else(|| "memory".to_owned());
    let mut context = Context::new(source, options);
    read(&mut context, bytes, resolver).map_err(|problem| GltfError {
        file: context.source.clone(),
        problem,
    })
}

/// As [`parse`], but pictures are left to be decoded; everything is paid for from `charge`, too.
#[cfg(feature = "loader")]
pub(crate) fn parse_deferred(
    bytes: &[u8],
    resolver: &mut Resolver<'_>,
    options: &LoadOptions,
    charge: std::sync::Arc<crate::loader::Charge>,
) -> Result<(Gltf, Vec<image::PendingPicture>), Problem> {
    let source = options.source.clone().unwrap_or_default();
    let mut context = Context::new(source, options);
    context.pending = Some(Vec::new());
    context.budget.charge_to(charge);
    let file = read(&mut context, bytes, resolver)?;
    Ok((file, context.pending.unwrap_or_default()))
}

fn read(context: &mut Context, bytes: &[u8], resolver: &mut Resolver<'_>) -> Result<Gltf, Problem> {
    context.budget.input(bytes.len(), String::new)?;
    let parts = glb::split(bytes)?;
    check_json(context, parts.json)?;
    let document = Document::parse(parts.json)?;
    let root = document.root();
    if parts.trailing > 0 {
        context.warn(root, || {
            format!("{} bytes follow the GLB and are ignored", parts.trailing)
        });
    }
    let asset = read_asset(context, root)?;
    let extensions = extensions::read(context, root)?;
    context.expect_parts(count_parts(root)?)?;

    let mut surfaces = material::read(context, root)?;
    context.parts_skipped(surfaces.image_used.iter().filter(|used| !**used).count());
    let mut buffers = resource::buffers(context, resolver, root, (parts.is_glb, parts.binary))?;
    let views = resource::views(context, root, &mut buffers)?;
    let accessors = accessor::accessors(context, root, &views)?;
    let data = Data {
        buffers,
        views,
        accessors,
    };

    let mut library = Library::default();
    let (images, left_out) = read_images(
        context,
        resolver,
        root,
        &data,
        &surfaces.image_used,
        &mut library,
    )?;
    for material in &mut surfaces.materials {
        material::drop_images(material, &left_out);
    }
    let variants = primitive::read_variant_names(context, root)?;
    let surroundings = Surroundings {
        data: &data,
        materials: &surfaces.materials,
        quantized: extensions.uses("KHR_mesh_quantization")
            && context.reads("KHR_mesh_quantization"),
        variants: variants.len(),
    };
    let mut geometries = Geometries::default();
    let meshes = context.list(root, "meshes", |context, place, index| {
        primitive::read_mesh(context, &surroundings, &mut geometries, place, index)
    })?;

    let node_count = root.count("nodes")?;
    let skins = context.list(root, "skins", |context, place, _| {
        animation::read_skin(context, &data, place, node_count)
    })?;
    let cameras = node::read_cameras(context, root)?;
    let lights = node::read_lights(context, root)?;
    let counts = node::Counts {
        meshes: meshes.len(),
        skins: skins.len(),
        cameras: cameras.len(),
        lights: lights.len(),
    };
    let mut nodes = node::read_nodes(context, root, &data, counts)?;
    animation::check_nodes(context, root, &mut nodes, &meshes, &skins)?;
    animation::check_skins(context, root, &nodes, &skins)?;
    let (scenes, default_scene) = node::read_scenes(context, root, &nodes)?;
    context
        .budget
        .values::<usize>(nodes.len(), || "/nodes".to_owned())?;
    let targets: Vec<usize> = nodes
        .iter()
        .map(|node| node.mesh.map_or(0, |mesh| meshes[mesh].targets))
        .collect();
    let counts = animation::Counts {
        morph_targets: &targets,
        materials: surfaces.materials.len(),
        meshes: meshes.len(),
        cameras: counts.cameras,
        lights: counts.lights,
    };
    let clips = context.list(root, "animations", |context, place, _| {
        animation::read_clip(context, &data, place, &counts)
    })?;
    let kept = kept::read(context, root)?;

    let summary = summarize(root, &data, &meshes, &geometries, &library, bytes.len())?;
    let materials: Vec<Handle<Material>> = (0..surfaces.materials.len())
        .map(|index| context.handle(&format!("material/{index}")))
        .collect();
    for (handle, material) in materials.iter().zip(surfaces.materials) {
        library.materials.insert(*handle, material);
    }
    let meshes = into_library(context, &mut library, &materials, meshes, geometries);
    let skins = skins
        .into_iter()
        .enumerate()
        .map(|(index, skin)| {
            let handle = context.handle(&format!("skin/{index}"));
            library.skins.insert(handle, skin);
            handle
        })
        .collect();
    let clips = clips
        .into_iter()
        .enumerate()
        .map(|(index, clip)| {
            let handle = context.handle(&format!("clip/{index}"));
            library.clips.insert(handle, clip);
            handle
        })
        .collect();
    Ok(Gltf {
        source: context.source.clone(),
        version: asset.version,
        generator: asset.generator,
        copyright: asset.copyright,
        is_glb: parts.is_glb,
        library,
        scenes,
        default_scene,
        nodes,
        meshes,
        materials,
        images,
        rest_meshes: std::collections::BTreeMap::new(),
        skins,
        clips,
        cameras,
        lights,
        variants,
        kept,
        extensions_used: extensions.used,
        extensions_required: extensions.required,
        warnings: std::mem::take(&mut context.warnings),
        warning_count: context.warning_count,
        summary,
    })
}

/// Checks the size of the JSON, and so of the document.
pub(super) fn check_json(context: &Context, json: &[u8]) -> Result<(), Problem> {
    let (limit, found) = (context.limits.json_bytes_max, json.len() as u64);
    if found > limit {
        return Err(Problem::Limit {
            pointer: String::new(),
            what: "the JSON in bytes",
            limit,
            found,
        });
    }
    Ok(())
}

/// What the `asset` object says.
struct Asset {
    version: String,
    generator: String,
    copyright: String,
}

fn read_asset(context: &mut Context, root: Cursor<'_>) -> Result<Asset, Problem> {
    let asset = root.required("asset")?;
    let version = |place: Cursor<'_>| -> Result<(u32, u32), Problem> {
        place
            .text()?
            .split_once('.')
            .and_then(|(major, minor)| Some((number(major)?, number(minor)?)))
            .ok_or_else(|| place.wrong("a version like \"2.0\""))
    };
    let place = asset.required("version")?;
    let (major, _) = version(place)?;
    if major != 2 {
        return Err(place.wrong("version 2.x"));
    }
    if let Some(place) = asset.get("minVersion")? {
        let min = version(place)?;
        if min != (2, 0) {
            return Err(place.wrong("2.0, the version that this reader knows"));
        }
    }
    let mut text = |key| -> Result<String, Problem> {
        let text = asset.optional_text(key)?.unwrap_or_default();
        context
            .budget
            .values::<u8>(text.len(), || asset.pointer())?;
        Ok(text.to_owned())
    };
    Ok(Asset {
        version: place.text()?.to_owned(),
        generator: text("generator")?,
        copyright: text("copyright")?,
    })
}

fn number(digits: &str) -> Option<u32> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

fn count_parts(root: Cursor<'_>) -> Result<usize, Problem> {
    let mut parts = root.count("buffers")?.saturating_add(root.count("images")?);
    if let Some(meshes) = root.get("meshes")? {
        for mesh in meshes.elements()?.1 {
            parts = parts.saturating_add(mesh.count("primitives")?);
        }
    }
    Ok(parts)
}

fn read_images(
    context: &mut Context,
    resolver: &mut Resolver<'_>,
    root: Cursor<'_>,
    data: &Data<'_>,
    used: &[bool],
    library: &mut Library,
) -> Result<(Vec<Picture>, BTreeSet<Handle<Image>>), Problem> {
    let Some(images) = root.get("images")? else {
        return Ok(Default::default());
    };
    let mut left_out = BTreeSet::new();
    // Images that no material uses are not decoded: they may be of formats that only an extension knows.
    let mut pictures = context
        .budget
        .list::<Picture>(used.len(), || images.pointer())?;
    for ((index, place), used) in images.elements()?.1.enumerate().zip(used) {
        let mut picture = Picture::new(&context.name(place)?, context.handle(&image_label(index)));
        if !*used {
            image::check(place, data.views.len())?;
        } else {
            match image::read(context, resolver, data, place, picture.image)? {
                image::Read::LeftOut => {
                    context
                        .budget
                        .values::<[Handle<Image>; 4]>(1, || place.pointer())?;
                    left_out.insert(picture.image);
                }
                image::Read::Decoded(image, encoded) => {
                    library.images.insert(picture.image, image);
                    picture.encoded = encoded;
                }
                image::Read::Pending(encoded) => picture.encoded = encoded,
            }
            context.part_done(Stage::Image)?;
        }
        pictures.push(picture);
    }
    Ok((pictures, left_out))
}

/// Puts meshes into the library under their labels.
fn into_library(
    context: &Context,
    library: &mut Library,
    materials: &[Handle<Material>],
    meshes: Vec<ReadMesh<'_>>,
    geometries: Geometries,
) -> Vec<MeshGroup> {
    let handles: Vec<_> = geometries
        .list
        .iter()
        .map(|geometry| geometry.handle)
        .collect();
    for geometry in geometries.list {
        library.meshes.insert(geometry.handle, geometry.mesh);
    }
    let mut groups = Vec::with_capacity(meshes.len());
    let default_material = context.handle("material/default");
    for mesh in meshes {
        let mut primitives = Vec::with_capacity(mesh.primitives.len());
        let mut variants = Vec::new();
        for read in mesh.primitives {
            let material = read
                .material
                .map_or(default_material, |index| materials[index]);
            if read.material.is_none() && library.materials.get(default_material).is_none() {
                library
                    .materials
                    .insert(default_material, Material::default());
            }
            let place = primitives.len();
            variants.extend(
                read.variants
                    .iter()
                    .map(|&(variant, material)| VariantMaterial {
                        primitive: place,
                        variant,
                        material: materials[material],
                    }),
            );
            primitives.push(Primitive {
                index: read.index,
                mesh: handles[read.geometry],
                material,
            });
        }
        groups.push(MeshGroup {
            name: mesh.name,
            primitives,
            morph_weights: mesh.morph_weights,
            variants,
        });
    }
    groups
}

fn summarize(
    root: Cursor<'_>,
    data: &Data<'_>,
    meshes: &[ReadMesh<'_>],
    geometries: &Geometries,
    library: &Library,
    file_bytes: usize,
) -> Result<Summary, Problem> {
    let mut summary = Summary {
        file_bytes: file_bytes as u64,
        buffer_bytes: data
            .buffers
            .iter()
            .flatten()
            .map(|bytes| bytes.len() as u64)
            .sum(),
        image_bytes: library
            .images
            .iter()
            .map(|(_, image)| image.pixels().len() as u64)
            .sum(),
        buffers: root.count("buffers")?,
        accessors: data.accessors.len(),
        images: root.count("images")?,
        textures: root.count("textures")?,
        samplers: root.count("samplers")?,
        ..Summary::default()
    };
    for primitive in meshes.iter().flat_map(|mesh| &mesh.primitives) {
        summary.add_primitive(&geometries.list[primitive.geometry].mesh);
    }
    for geometry in &geometries.list {
        summary.add_mesh(&geometry.mesh);
    }
    Ok(summary)
}
