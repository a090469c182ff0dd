//! Rules between objects: what indices lead to, what is used for what, and how nodes hang together.

use std::collections::BTreeSet;

use super::{
    codes,
    elements::{Check, Job},
    local::{Placed, component, extension, has, index, length, list, sets, shape, text, unsigned},
    report::Reporter,
    schema::Declared,
};
use crate::gltf::{
    accessor::{Component, Shape},
    cursor::Cursor,
};

/// What the bytes of a view are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ViewUsage {
    Image,
    IndexBuffer,
    VertexBuffer,
    InverseBindMatrices,
    Other,
}

/// What an accessor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    InverseBindMatrices,
    PrimitiveIndices,
    VertexAttribute,
    AnimationInput,
    AnimationOutput,
}

/// A buffer view, as far as it can be read.
pub(super) struct View<'a> {
    pub(super) place: Cursor<'a>,
    pub(super) buffer: Option<usize>,
    pub(super) offset: Option<usize>,
    pub(super) length: Option<usize>,
    pub(super) stride: Option<usize>,
    usage: Option<ViewUsage>,
    used: bool,
    /// Accessors of vertex data on it, where it has no stride.
    vertex_accessors: BTreeSet<usize>,
}

/// Elements that are put over others.
pub(super) struct Sparse<'a> {
    pub(super) place: Cursor<'a>,
    pub(super) count: usize,
    /// View and offset.
    pub(super) indices: (Option<usize>, Option<usize>),
    pub(super) index_component: Option<Component>,
    pub(super) values: (Option<usize>, Option<usize>),
}

/// An accessor, as far as it can be read.
pub(super) struct Accessor<'a> {
    pub(super) place: Cursor<'a>,
    /// A view that there is.
    pub(super) view: Option<usize>,
    pub(super) offset: Option<usize>,
    pub(super) component: Option<Component>,
    pub(super) shape: Option<Shape>,
    pub(super) count: Option<usize>,
    pub(super) normalized: bool,
    pub(super) sparse: Option<Sparse<'a>>,
    usage: Option<Usage>,
    used: bool,
}

type Format = (Shape, Component, bool);

impl Accessor<'_> {
    fn format(&self) -> Option<Format> {
        Some((self.shape?, self.component?, self.normalized))
    }

    /// Bytes of an element.
    pub(super) fn element(&self) -> Option<usize> {
        Some(self.shape?.extent(self.component?))
    }

    fn has_bounds(&self) -> bool {
        has(self.place, "min") && has(self.place, "max")
    }
}

/// Which elements of a list are used.
struct Used(Vec<bool>);

impl Used {
    fn of(root: Cursor<'_>, key: &str) -> Self {
        Self(vec![false; length(root, key)])
    }

    /// The index that a property states; notes one that leads nowhere, and what is used.
    fn resolve(&mut self, out: &mut Reporter, place: Cursor<'_>, key: &str) -> Option<usize> {
        let index = index(place, key)?;
        match self.0.get_mut(index) {
            Some(used) => {
                *used = true;
                Some(index)
            }
            None => {
                unresolved(out, place, key, index);
                None
            }
        }
    }
}

fn unresolved(out: &mut Reporter, place: Cursor<'_>, key: &str, index: usize) {
    let message = format!("Unresolved reference: {index}.");
    match place.entry(key) {
        Some(value) => out.at(value, &codes::UNRESOLVED_REFERENCE, message),
        None => out.at(place, &codes::UNRESOLVED_REFERENCE, message),
    }
}

/// What a primitive needs to be known of a material.
#[derive(Default)]
pub(super) struct Surface<'a> {
    /// UV sets of its textures and of their transforms.
    pub(super) uv_sets: Vec<u64>,
    /// Texture infos: where they are, and whether they are of normals.
    pub(super) infos: Vec<(Cursor<'a>, bool)>,
    needs_tangents: bool,
    has_normals: bool,
}

/// A node, as far as it can be read.
struct Node<'a> {
    place: Cursor<'a>,
    parent: Option<usize>,
    mesh: Option<usize>,
    skin: Option<usize>,
    camera: Option<usize>,
    moves: bool,
    has_matrix: bool,
    joint: bool,
    scenes: BTreeSet<usize>,
}

/// A primitive with joints, for the check of its influences.
pub(super) struct Skinned<'a> {
    pub(super) attributes: Cursor<'a>,
    pub(super) sets: usize,
    pub(super) mesh: usize,
    pub(super) vertices: usize,
}

/// The whole file.
pub(super) struct File<'a> {
    root: Cursor<'a>,
    pub(super) views: Vec<View<'a>>,
    pub(super) accessors: Vec<Accessor<'a>>,
    /// Checks of elements, to be done once the bytes are here.
    pub(super) jobs: Vec<Job<'a>>,
    pub(super) skinned: Vec<Skinned<'a>>,
    /// For each mesh, the fewest joints of a skin that it is shown with.
    pub(super) joints: Vec<Option<usize>>,
}

/// Objects of a list, by index; what is no object is skipped.
fn objects<'a>(root: Cursor<'a>, key: &str) -> impl Iterator<Item = (usize, Cursor<'a>)> {
    list(root, key)
        .enumerate()
        .filter(|(_, place)| place.is_object())
}

fn size(place: Cursor<'_>, key: &str) -> Option<usize> {
    usize::try_from(unsigned(place, key)?).ok()
}

fn offset(place: Cursor<'_>) -> Option<usize> {
    match has(place, "byteOffset") {
        true => size(place, "byteOffset"),
        false => Some(0),
    }
}

/// Links all of a file. `surfaces` has the texture infos of each material.
pub(super) fn link<'a>(
    out: &mut Reporter,
    declared: &Declared<'a>,
    root: Cursor<'a>,
    mut surfaces: Vec<Surface<'a>>,
) -> File<'a> {
    let mut buffers = Used::of(root, "buffers");
    let mut images = Used::of(root, "images");
    let mut textures = Used::of(root, "textures");
    let mut samplers = Used::of(root, "samplers");
    let mut file = File {
        root,
        views: read_views(out, root, &mut buffers),
        accessors: Vec::new(),
        jobs: Vec::new(),
        skinned: Vec::new(),
        joints: vec![None; length(root, "meshes")],
    };
    file.accessors = list(root, "accessors").map(read_accessor).collect();
    for index in 0..file.accessors.len() {
        file.link_accessor(out, index);
    }
    for (_, place) in objects(root, "images") {
        if let Some(view) = file.view(out, place, "bufferView", ViewUsage::Image)
            && file.views[view].stride.is_some()
        {
            out.under(
                place,
                "bufferView",
                &codes::IMAGE_BUFFER_VIEW_WITH_BYTESTRIDE,
                "bufferView.byteStride must not be defined for buffer views containing image data.",
            );
        }
    }
    for (_, place) in objects(root, "textures") {
        images.resolve(out, place, "source");
        samplers.resolve(out, place, "sampler");
        if let Some(webp) = extension(declared, place, "EXT_texture_webp") {
            images.resolve(out, webp, "source");
        }
    }
    for ((_, place), surface) in list(root, "materials").enumerate().zip(&mut surfaces) {
        link_material(out, declared, place, surface, &mut textures);
    }
    let mut variants =
        vec![false; length_of_extension(declared, root, "KHR_materials_variants", "variants")];
    let mut materials = Used::of(root, "materials");
    for (mesh, place) in objects(root, "meshes") {
        for primitive in list(place, "primitives").filter(|p| p.is_object()) {
            file.link_primitive(
                out,
                declared,
                (mesh, primitive),
                &surfaces,
                &mut materials,
                &mut variants,
            );
        }
    }
    let lights = link_nodes(
        out,
        declared,
        &mut file,
        &mut Collections {
            buffers,
            images,
            textures,
            samplers,
            materials,
        },
    );
    for (key, list_name, used) in [
        ("KHR_lights_punctual", "lights", lights),
        ("KHR_materials_variants", "variants", variants),
    ] {
        if let Some(extension) = extension(declared, root, key) {
            for ((_, place), used) in list(extension, list_name).enumerate().zip(used) {
                unused(out, place, used);
            }
        }
    }
    file
}

fn length_of_extension(declared: &Declared<'_>, root: Cursor<'_>, name: &str, key: &str) -> usize {
    extension(declared, root, name).map_or(0, |extension| length(extension, key))
}

fn unused(out: &mut Reporter, place: Cursor<'_>, used: bool) {
    if !used && place.is_object() {
        out.at(place, &codes::UNUSED_OBJECT, "This object may be unused.");
    }
}

fn read_views<'a>(out: &mut Reporter, root: Cursor<'a>, buffers: &mut Used) -> Vec<View<'a>> {
    let lengths: Vec<_> = list(root, "buffers")
        .map(|buffer| size(buffer, "byteLength").filter(|length| *length > 0))
        .collect();
    list(root, "bufferViews")
        .map(|place| {
            let view = View {
                place,
                buffer: buffers.resolve(out, place, "buffer"),
                offset: offset(place),
                length: size(place, "byteLength").filter(|length| *length > 0),
                stride: size(place, "byteStride").filter(|stride| (4..=252).contains(stride)),
                usage: match unsigned(place, "target") {
                    Some(34962) => Some(ViewUsage::VertexBuffer),
                    Some(34963) => Some(ViewUsage::IndexBuffer),
                    _ => None,
                },
                used: false,
                vertex_accessors: BTreeSet::new(),
            };
            if let Some((buffer, there)) = view.buffer.and_then(|b| Some((b, lengths[b]?)))
                && let Some(offset) = view.offset
            {
                let end = offset.saturating_add(view.length.unwrap_or(0));
                let message =
                    format!("BufferView does not fit buffer ({buffer}) byteLength ({there}).");
                if offset >= there {
                    out.under(place, "byteOffset", &codes::BUFFER_VIEW_TOO_LONG, message);
                } else if end > there {
                    out.under(place, "byteLength", &codes::BUFFER_VIEW_TOO_LONG, message);
                }
            }
            view
        })
        .collect()
}

fn read_accessor(place: Cursor<'_>) -> Accessor<'_> {
    let sparse = place.entry("sparse").filter(|sparse| sparse.is_object());
    let inner = |sparse: Cursor<'_>, key: &str| {
        let part = sparse.entry(key).filter(|part| part.is_object())?;
        Some((index(part, "bufferView"), offset(part)))
    };
    Accessor {
        place,
        view: None,
        offset: offset(place),
        component: component(place),
        shape: shape(place),
        count: size(place, "count").filter(|count| *count > 0),
        normalized: place
            .entry("normalized")
            .and_then(|flag| flag.boolean().ok())
            == Some(true),
        sparse: sparse.and_then(|sparse| {
            Some(Sparse {
                place: sparse,
                count: size(sparse, "count").filter(|count| *count > 0)?,
                indices: inner(sparse, "indices")?,
                index_component: sparse
                    .entry("indices")
                    .and_then(component)
                    .filter(|c| matches!(c, Component::U8 | Component::U16 | Component::U32)),
                values: inner(sparse, "values")?,
            })
        }),
        usage: None,
        used: false,
    }
}

/// Checks that `length` bytes from `offset` lie within a view, aligned to `component` bytes.
fn check_span(
    out: &mut Reporter,
    place: Cursor<'_>,
    view: &View<'_>,
    (offset, component, length): (Option<usize>, usize, usize),
) {
    let Some(offset) = offset else { return };
    if !offset.is_multiple_of(component) {
        let message =
            format!("Offset {offset} is not a multiple of componentType length {component}.");
        out.under(
            place,
            "byteOffset",
            &codes::ACCESSOR_OFFSET_ALIGNMENT,
            message,
        );
    }
    let Some(start) = view.offset else { return };
    let total = start.saturating_add(offset);
    if !total.is_multiple_of(component) {
        let message = format!(
            "Accessor's total byteOffset {total} isn't a multiple of componentType length {component}."
        );
        out.at(place, &codes::ACCESSOR_TOTAL_OFFSET_ALIGNMENT, message);
    }
    let there = view.length.unwrap_or(0);
    let message = format!(
        "Accessor (offset: {offset}, length: {length}) does not fit referenced bufferView length {there}."
    );
    if offset > there {
        out.under(place, "byteOffset", &codes::ACCESSOR_TOO_LONG, message);
    } else if offset.saturating_add(length) > there {
        out.at(place, &codes::ACCESSOR_TOO_LONG, message);
    }
}

const UNSIGNED_INTEGERS: [Component; 3] = [Component::U8, Component::U16, Component::U32];

impl<'a> File<'a> {
    /// The view that a property states, marked as used for something.
    fn view(
        &mut self,
        out: &mut Reporter,
        place: Cursor<'_>,
        key: &str,
        usage: ViewUsage,
    ) -> Option<usize> {
        let index = index(place, key)?;
        if index >= self.views.len() {
            unresolved(out, place, key, index);
            return None;
        }
        self.use_view(out, place.entry(key).unwrap_or(place), index, usage);
        Some(index)
    }

    fn use_view(&mut self, out: &mut Reporter, place: Cursor<'_>, index: usize, usage: ViewUsage) {
        let view = &mut self.views[index];
        view.used = true;
        match view.usage {
            None => {
                view.usage = Some(usage);
                if matches!(usage, ViewUsage::IndexBuffer | ViewUsage::VertexBuffer) {
                    out.at(
                        place,
                        &codes::BUFFER_VIEW_TARGET_MISSING,
                        "bufferView.target should be set for vertex or index data.",
                    );
                }
            }
            Some(first) if first != usage => {
                let message = format!(
                    "Override of previously set bufferView target or usage. Initial: '{first:?}', new: '{usage:?}'."
                );
                out.at(place, &codes::BUFFER_VIEW_TARGET_OVERRIDE, message);
            }
            Some(_) => {}
        }
    }

    fn link_accessor(&mut self, out: &mut Reporter, at: usize) {
        let place = self.accessors[at].place;
        let accessor = &self.accessors[at];
        let (Some(component), Some(count)) = (accessor.component, accessor.count) else {
            return;
        };
        if !has(place, "type") {
            return;
        }
        // A type that is not known takes no bytes, as far as this can say.
        let element = accessor.element().unwrap_or(0);
        let components = accessor.shape.map_or(0, Shape::components);
        let packed = accessor.shape.map_or(0, |shape| shape.bytes(component));
        let offset = accessor.offset;
        if let Some(view) = index(place, "bufferView") {
            if view >= self.views.len() {
                unresolved(out, place, "bufferView", view);
            } else {
                self.accessors[at].view = Some(view);
                self.views[view].used = true;
                let view = &self.views[view];
                if let Some(stride) = view.stride
                    && stride < element
                {
                    let message = format!(
                        "Referenced bufferView's byteStride value {stride} is less than accessor element's length {element}."
                    );
                    out.at(place, &codes::ACCESSOR_SMALL_BYTESTRIDE, message);
                }
                let stride = view.stride.unwrap_or(packed);
                let length = stride.saturating_mul(count - 1).saturating_add(element);
                check_span(out, place, view, (offset, component.bytes(), length));
            }
        }
        self.jobs.push(Job::new(at, Check::Accessor, place));
        let Some(sparse) = &self.accessors[at].sparse else {
            return;
        };
        let sparse_place = sparse.place;
        let (sparse_count, index_component) = (sparse.count, sparse.index_component);
        let offsets = [sparse.indices.1, sparse.values.1];
        if sparse_count > count {
            let message = format!(
                "Sparse accessor overrides more elements ({sparse_count}) than the base accessor contains ({count})."
            );
            out.under(
                sparse_place,
                "count",
                &codes::ACCESSOR_SPARSE_COUNT_OUT_OF_RANGE,
                message,
            );
        }
        let index_bytes = index_component.map(|component| (component.bytes(), 1));
        let value_bytes = Some((component.bytes(), components));
        for ((key, bytes), offset) in [("indices", index_bytes), ("values", value_bytes)]
            .into_iter()
            .zip(offsets)
        {
            let Some(part) = sparse_place.entry(key) else {
                continue;
            };
            let Some(view) = self.view(out, part, "bufferView", ViewUsage::Other) else {
                continue;
            };
            let view = &self.views[view];
            if view.stride.is_some() {
                out.under(
                    part,
                    "bufferView",
                    &codes::BUFFER_VIEW_INVALID_BYTE_STRIDE,
                    "Only buffer views with raw vertex data can have byteStride.",
                );
            }
            if let Some((bytes, lanes)) = bytes {
                let length = (bytes * lanes).saturating_mul(sparse_count);
                check_span(out, part, view, (offset, bytes, length));
            }
        }
    }

    /// The accessor that a value states, marked as used for something.
    fn accessor(&mut self, out: &mut Reporter, value: Cursor<'_>, usage: Usage) -> Option<usize> {
        let index = usize::try_from(value.integer()?).ok()?;
        let Some(accessor) = self
            .accessors
            .get_mut(index)
            .filter(|a| a.place.is_object())
        else {
            let message = format!("Unresolved reference: {index}.");
            out.at(value, &codes::UNRESOLVED_REFERENCE, message);
            return None;
        };
        accessor.used = true;
        match accessor.usage {
            None => accessor.usage = Some(usage),
            Some(first) if first != usage => {
                let message = format!(
                    "Override of previously set accessor usage. Initial: '{first:?}', new: '{usage:?}'."
                );
                out.at(value, &codes::ACCESSOR_USAGE_OVERRIDE, message);
            }
            Some(_) => {}
        }
        Some(index)
    }

    fn link_primitive(
        &mut self,
        out: &mut Reporter,
        declared: &Declared<'_>,
        (mesh, place): (usize, Cursor<'a>),
        surfaces: &[Surface<'_>],
        materials: &mut Used,
        variants: &mut [bool],
    ) {
        let attributes = place.entry("attributes").filter(|list| list.is_object());
        let uv_sets = attributes
            .and_then(|list| sets(list, "TEXCOORD"))
            .unwrap_or(0);
        let mut uv_unused: BTreeSet<usize> = (0..uv_sets).collect();
        let mut use_uv_sets = |out: &mut Reporter, place: Cursor<'_>, surface: &Surface<'_>| {
            for set in &surface.uv_sets {
                match usize::try_from(*set) {
                    Ok(set) if set < uv_sets => {
                        uv_unused.remove(&set);
                    }
                    _ => {
                        let message = format!(
                            "Material is incompatible with mesh primitive: a texture binding needs 'TEXCOORD_{set}' attribute."
                        );
                        out.under(
                            place,
                            "material",
                            &codes::MESH_PRIMITIVE_TOO_FEW_TEXCOORDS,
                            message,
                        );
                    }
                }
            }
        };
        if let Some(extension) = extension(declared, place, "KHR_materials_variants") {
            let mut seen = BTreeSet::new();
            for mapping in list(extension, "mappings") {
                for value in list(mapping, "variants") {
                    let Some(variant) = value.integer().and_then(|v| usize::try_from(v).ok())
                    else {
                        continue;
                    };
                    match variants.get_mut(variant) {
                        None => {
                            let message = format!("Unresolved reference: {variant}.");
                            out.at(value, &codes::UNRESOLVED_REFERENCE, message);
                        }
                        Some(used) => {
                            *used = true;
                            if !seen.insert(variant) {
                                out.at(
                                    value,
                                    &codes::KHR_MATERIALS_VARIANTS_NON_UNIQUE_VARIANT,
                                    "This variant is used more than once for this mesh primitive.",
                                );
                            }
                        }
                    }
                }
                if let Some(material) = materials.resolve(out, mapping, "material") {
                    use_uv_sets(out, mapping, &surfaces[material]);
                }
            }
        }
        let mut vertices = None;
        let mut base = std::collections::BTreeMap::new();
        for (semantic, value) in attributes.into_iter().flat_map(Cursor::entries) {
            let Some(index) = self.accessor(out, value, Usage::VertexAttribute) else {
                continue;
            };
            base.insert(semantic, index);
            self.link_attribute(out, declared, (semantic, value), index, false);
            let count = self.accessors[index].count;
            if *vertices.get_or_insert(count) != count {
                out.at(
                    value,
                    &codes::MESH_PRIMITIVE_UNEQUAL_ACCESSOR_COUNT,
                    "All accessors of the same primitive must have the same count.",
                );
            }
            self.share_view(out, value, index);
        }
        let vertices = vertices.flatten();
        let mode = match has(place, "mode") {
            true => unsigned(place, "mode").filter(|mode| *mode <= 6),
            false => Some(4),
        };
        let count = self.link_indices(out, place, vertices, mode);
        let fits = match (mode, count) {
            (Some(1), Some(count)) => count.is_multiple_of(2),
            (Some(2 | 3), Some(count)) => count >= 2,
            (Some(4), Some(count)) => count.is_multiple_of(3),
            (Some(5 | 6), Some(count)) => count >= 3,
            _ => true,
        };
        if !fits {
            out.at(
                place,
                &codes::MESH_PRIMITIVE_INCOMPATIBLE_MODE,
                "Number of vertices or indices is not compatible with used drawing mode.",
            );
        }
        let tangents = attributes.is_some_and(|list| has(list, "TANGENT"));
        let normals = attributes.is_some_and(|list| has(list, "NORMAL"));
        let material = materials.resolve(out, place, "material");
        let surface = material.map(|material| &surfaces[material]);
        if let Some(surface) = surface {
            if surface.needs_tangents && !(normals && tangents) {
                let (code, message) = if surface.has_normals {
                    (
                        &codes::MESH_PRIMITIVE_GENERATED_TANGENT_SPACE,
                        "Material requires a tangent space but the mesh primitive does not provide it. Runtime-generated tangent space may be non-portable across implementations.",
                    )
                } else {
                    (
                        &codes::MESH_PRIMITIVE_NO_TANGENT_SPACE,
                        "Material requires a tangent space but the mesh primitive does not provide it and the material does not contain a normal map to generate it.",
                    )
                };
                out.under(place, "material", code, message);
            }
            use_uv_sets(out, place, surface);
        }
        if let Some(attributes) = attributes {
            if tangents && !surface.is_some_and(|surface| surface.needs_tangents) {
                out.under(
                    attributes,
                    "TANGENT",
                    &codes::UNUSED_MESH_TANGENT,
                    "Tangents are not used because the material has no normal texture.",
                );
            }
            for set in uv_unused {
                out.under(
                    attributes,
                    &format!("TEXCOORD_{set}"),
                    &codes::UNUSED_OBJECT,
                    "This object may be unused.",
                );
            }
            let joints = sets(attributes, "JOINTS").unwrap_or(0);
            if joints > 0
                && sets(attributes, "WEIGHTS") == Some(joints)
                && let Some(vertices) = vertices
            {
                self.skinned.push(Skinned {
                    attributes,
                    sets: joints,
                    mesh,
                    vertices,
                });
            }
        }
        for target in list(place, "targets") {
            for (semantic, value) in target.entries() {
                let Some(index) = self.accessor(out, value, Usage::VertexAttribute) else {
                    continue;
                };
                match base.get(semantic) {
                    None => out.at(
                        value,
                        &codes::MESH_PRIMITIVE_MORPH_TARGET_NO_BASE_ACCESSOR,
                        "The mesh primitive does not define this attribute semantic.",
                    ),
                    Some(base) if self.accessors[*base].count != self.accessors[index].count => {
                        out.at(
                            value,
                            &codes::MESH_PRIMITIVE_MORPH_TARGET_INVALID_ATTRIBUTE_COUNT,
                            "Base accessor has different count.",
                        );
                    }
                    Some(_) => {}
                }
                self.link_attribute(out, declared, (semantic, value), index, true);
                self.share_view(out, value, index);
            }
        }
    }

    /// Checks an accessor against the attribute that it is for.
    fn link_attribute(
        &mut self,
        out: &mut Reporter,
        declared: &Declared<'_>,
        (semantic, value): (&str, Cursor<'a>),
        index: usize,
        morph: bool,
    ) {
        if let Some(view) = self.accessors[index].view {
            self.use_view(out, value, view, ViewUsage::VertexBuffer);
        }
        let accessor = &self.accessors[index];
        if semantic == "POSITION" && !accessor.has_bounds() {
            out.at(
                value,
                &codes::MESH_PRIMITIVE_POSITION_ACCESSOR_WITHOUT_BOUNDS,
                "accessor.min and accessor.max must be defined for POSITION attribute accessor.",
            );
        }
        let name = semantic.split('_').next().unwrap_or(semantic);
        let quantized = declared.loaded("KHR_mesh_quantization");
        match accessor
            .format()
            .map(|format| (format, allowed(name, format, morph, quantized)))
        {
            Some((_, Some(false))) => {
                out.at(
                    value,
                    &codes::MESH_PRIMITIVE_ATTRIBUTES_ACCESSOR_INVALID_FORMAT,
                    "Invalid accessor format for this attribute semantic.",
                );
            }
            Some((format, Some(true))) if !morph => {
                let check = match semantic {
                    "NORMAL" => Some(Check::UnitVectors),
                    "TANGENT" => Some(Check::UnitVectorsAndSign),
                    "COLOR_0" if format.1 == Component::F32 => Some(Check::Clamped),
                    _ => None,
                };
                if let Some(check) = check {
                    self.jobs.push(Job::new(index, check, value));
                }
            }
            Some(((_, Component::U32, _), None)) if !morph => out.at(
                value,
                &codes::MESH_PRIMITIVE_ATTRIBUTES_ACCESSOR_UNSIGNED_INT,
                "Mesh attributes cannot use UNSIGNED_INT component type.",
            ),
            _ => {}
        }
        let accessor = &self.accessors[index];
        let unaligned = accessor
            .offset
            .is_some_and(|offset| !offset.is_multiple_of(4));
        let packed = accessor
            .view
            .is_some_and(|view| self.views[view].stride.is_none())
            && accessor
                .element()
                .is_some_and(|bytes| !bytes.is_multiple_of(4));
        if unaligned || packed {
            out.at(
                value,
                &codes::MESH_PRIMITIVE_ACCESSOR_UNALIGNED,
                "Vertex attribute data must be aligned to 4-byte boundaries.",
            );
        }
    }

    /// Notes accessors that share a view without a stride.
    fn share_view(&mut self, out: &mut Reporter, value: Cursor<'_>, index: usize) {
        let Some(view) = self.accessors[index].view.map(|view| &mut self.views[view]) else {
            return;
        };
        if view.stride.is_none()
            && view.vertex_accessors.insert(index)
            && view.vertex_accessors.len() > 1
        {
            out.at(
                value,
                &codes::MESH_PRIMITIVE_ACCESSOR_WITHOUT_BYTESTRIDE,
                "bufferView.byteStride must be defined when two or more accessors use the same buffer view.",
            );
        }
    }

    /// Checks the indices of a primitive; gives how many there are, or how many vertices without.
    fn link_indices(
        &mut self,
        out: &mut Reporter,
        place: Cursor<'a>,
        vertices: Option<usize>,
        mode: Option<u64>,
    ) -> Option<usize> {
        let Some(value) = place.entry("indices") else {
            return vertices;
        };
        let Some(index) = self.accessor(out, value, Usage::PrimitiveIndices) else {
            return vertices;
        };
        if let Some(view) = self.accessors[index].view {
            self.use_view(out, value, view, ViewUsage::IndexBuffer);
            if self.views[view].stride.is_some() {
                out.at(
                    value,
                    &codes::MESH_PRIMITIVE_INDICES_ACCESSOR_WITH_BYTESTRIDE,
                    "bufferView.byteStride must not be defined for indices accessor.",
                );
            }
        }
        let accessor = &self.accessors[index];
        match accessor.format() {
            Some((Shape::Scalar, component, false)) if UNSIGNED_INTEGERS.contains(&component) => {
                let check = Check::Indices {
                    vertices: vertices.unwrap_or(0),
                    triangles: mode == Some(4),
                };
                self.jobs.push(Job::new(index, check, value));
            }
            Some(_) => out.at(
                value,
                &codes::MESH_PRIMITIVE_INDICES_ACCESSOR_INVALID_FORMAT,
                "Invalid indices accessor format.",
            ),
            None => {}
        }
        self.accessors[index].count
    }
}

/// Whether an attribute may have a format; `None` for attributes without rules.
fn allowed(
    name: &str,
    (shape, component, normalized): Format,
    morph: bool,
    quantized: bool,
) -> Option<bool> {
    use Component::{F32, I8, I16, U8, U16};
    let float = component == F32 && !normalized;
    let unorm = normalized && matches!(component, U8 | U16);
    let snorm = normalized && matches!(component, I8 | I16);
    let small = matches!(component, I8 | U8 | I16 | U16);
    let signed = matches!(component, I8 | I16);
    Some(match (name, morph) {
        ("POSITION", false) => shape == Shape::Vec3 && (float || quantized && small),
        ("POSITION", true) => shape == Shape::Vec3 && (float || quantized && signed),
        ("NORMAL", _) => shape == Shape::Vec3 && (float || quantized && snorm),
        ("TANGENT", false) => shape == Shape::Vec4 && (float || quantized && snorm),
        ("TANGENT", true) => shape == Shape::Vec3 && (float || quantized && snorm),
        ("TEXCOORD", false) => shape == Shape::Vec2 && (float || unorm || quantized && small),
        ("TEXCOORD", true) => {
            shape == Shape::Vec2 && (float || normalized && small || quantized && signed)
        }
        ("COLOR", false) => matches!(shape, Shape::Vec3 | Shape::Vec4) && (float || unorm),
        ("COLOR", true) => {
            matches!(shape, Shape::Vec3 | Shape::Vec4) && (float || normalized && small)
        }
        ("JOINTS", false) => shape == Shape::Vec4 && !normalized && matches!(component, U8 | U16),
        ("WEIGHTS", false) => shape == Shape::Vec4 && (float || unorm),
        _ => return None,
    })
}

fn link_material<'a>(
    out: &mut Reporter,
    declared: &Declared<'_>,
    place: Cursor<'a>,
    surface: &mut Surface<'a>,
    textures: &mut Used,
) {
    for (info, normals) in std::mem::take(&mut surface.infos) {
        textures.resolve(out, info, "index");
        surface.needs_tangents |= normals;
        surface.uv_sets.extend(match has(info, "texCoord") {
            true => unsigned(info, "texCoord"),
            false => Some(0),
        });
        if let Some(transform) = extension(declared, info, "KHR_texture_transform") {
            surface.uv_sets.extend(unsigned(transform, "texCoord"));
        }
    }
    let uv_set = |info: Cursor<'_>| unsigned(info, "texCoord").unwrap_or(0);
    let normal = place.entry("normalTexture").filter(|info| info.is_object());
    surface.has_normals = normal.is_some();
    let differs = |info: Cursor<'_>| normal.is_some_and(|normal| uv_set(normal) != uv_set(info));
    let texture = |name: &str, key: &str| {
        let extension = extension(declared, place, name)?;
        extension.entry(key).filter(|info| info.is_object())
    };
    if let Some(info) = texture("KHR_materials_anisotropy", "anisotropyTexture") {
        surface.needs_tangents = true;
        if differs(info) {
            out.at(
                info,
                &codes::KHR_MATERIALS_ANISOTROPY_ANISOTROPY_TEXTURE_TEXCOORD,
                "Normal and anisotropy textures should use the same texture coords.",
            );
        }
    }
    if let Some(info) = texture("KHR_materials_clearcoat", "clearcoatNormalTexture")
        && differs(info)
    {
        out.at(
            info,
            &codes::KHR_MATERIALS_CLEARCOAT_CLEARCOAT_NORMAL_TEXTURE_TEXCOORD,
            "Normal and clearcoat normal textures should use the same texture coords.",
        );
    }
    let volume = extension(declared, place, "KHR_materials_volume");
    if let Some(dispersion) = extension(declared, place, "KHR_materials_dispersion")
        && volume.is_none()
    {
        out.at(
            dispersion,
            &codes::KHR_MATERIALS_DISPERSION_NO_VOLUME,
            "The dispersion extension needs to be combined with the volume extension.",
        );
    }
    if let Some(strength) = extension(declared, place, "KHR_materials_emissive_strength") {
        let value = match has(strength, "emissiveStrength") {
            true => {
                super::local::number(strength, "emissiveStrength").filter(|value| *value >= 0.0)
            }
            false => Some(1.0),
        };
        let black = match place.entry("emissiveFactor") {
            None => true,
            Some(_) => super::local::numbers(place, "emissiveFactor", 3)
                .is_some_and(|factor| factor.iter().all(|channel| *channel == 0.0)),
        };
        if value.is_some_and(|value| value != 1.0) && black {
            out.at(
                strength,
                &codes::KHR_MATERIALS_EMISSIVE_STRENGTH_ZERO_FACTOR,
                "Emissive strength has no effect when the emissive factor is zero or undefined.",
            );
        }
    }
    if let Some(volume) = volume {
        let unknown = place
            .entry("extensions")
            .is_some_and(|list| list.entries().any(|(name, _)| !declared.loaded(name)));
        if extension(declared, place, "KHR_materials_transmission").is_none() && !unknown {
            out.at(
                volume,
                &codes::KHR_MATERIALS_VOLUME_NO_TRANSMISSION,
                "The volume extension needs to be combined with an extension that allows light to transmit through the surface.",
            );
        }
        let double = place
            .entry("doubleSided")
            .and_then(|flag| flag.boolean().ok());
        if double == Some(true)
            && super::local::number(volume, "thicknessFactor").is_some_and(|value| value > 0.0)
        {
            out.at(
                volume,
                &codes::KHR_MATERIALS_VOLUME_DOUBLE_SIDED,
                "The volume extension should not be used with double-sided materials.",
            );
        }
    }
}

/// Lists whose use is known before that of nodes.
struct Collections {
    buffers: Used,
    images: Used,
    textures: Used,
    samplers: Used,
    materials: Used,
}

/// The node indices of a list that lead somewhere, with their places.
fn node_list<'a>(
    out: &mut Reporter,
    place: Cursor<'a>,
    key: &str,
    used: &mut Used,
) -> Vec<(usize, Cursor<'a>)> {
    let mut found = Vec::new();
    for value in list(place, key) {
        let Some(index) = value
            .integer()
            .and_then(|index| usize::try_from(index).ok())
        else {
            continue;
        };
        match used.0.get_mut(index) {
            Some(used) => {
                *used = true;
                found.push((index, value));
            }
            None => {
                let message = format!("Unresolved reference: {index}.");
                out.at(value, &codes::UNRESOLVED_REFERENCE, message);
            }
        }
    }
    found
}

/// Links nodes, skins, animations and scenes, then says what nothing uses. Gives which lights are used.
fn link_nodes<'a>(
    out: &mut Reporter,
    declared: &Declared<'a>,
    file: &mut File<'a>,
    lists: &mut Collections,
) -> Vec<bool> {
    let root = file.root;
    let mut lights =
        vec![false; length_of_extension(declared, root, "KHR_lights_punctual", "lights")];
    let mut cameras = Used::of(root, "cameras");
    let mut skins = Used::of(root, "skins");
    let mut meshes = Used::of(root, "meshes");
    let mut used = Used::of(root, "nodes");
    let mesh_places: Vec<_> = list(root, "meshes").collect();
    let skin_places: Vec<_> = list(root, "skins").collect();
    let mut weights_used = vec![false; mesh_places.len()];
    let mut nodes: Vec<Node<'a>> = list(root, "nodes")
        .map(|place| {
            let placed = Placed::read(place);
            Node {
                place,
                parent: None,
                mesh: None,
                skin: None,
                camera: None,
                moves: placed.moves(),
                has_matrix: placed.matrix.is_some(),
                joint: false,
                scenes: BTreeSet::new(),
            }
        })
        .collect();
    for at in 0..nodes.len() {
        let place = nodes[at].place;
        if !place.is_object() {
            continue;
        }
        nodes[at].camera = cameras.resolve(out, place, "camera");
        nodes[at].skin = skins.resolve(out, place, "skin");
        nodes[at].mesh = meshes.resolve(out, place, "mesh");
        if let Some(mesh) = nodes[at].mesh {
            link_mesh(
                out,
                place,
                mesh_places[mesh],
                nodes[at].skin.is_some(),
                &mut weights_used[mesh],
            );
            if let Some(skin) = nodes[at].skin {
                let joints = length(skin_places[skin], "joints");
                if joints > 0 {
                    let fewest = &mut file.joints[mesh];
                    *fewest = Some(fewest.map_or(joints, |fewest| fewest.min(joints)));
                }
            }
        }
        for (child, value) in node_list(out, place, "children", &mut used) {
            if nodes[child].parent.is_some() {
                let message = format!("Value overrides parent of node {child}.");
                out.at(value, &codes::NODE_PARENT_OVERRIDE, message);
            }
            nodes[child].parent = Some(at);
        }
        if let Some(light) = extension(declared, place, "KHR_lights_punctual") {
            let there = extension(declared, root, "KHR_lights_punctual").is_some();
            match index(light, "light") {
                _ if !there => out.at(
                    light,
                    &codes::UNSATISFIED_DEPENDENCY,
                    "Dependency failed. '/extensions/KHR_lights_punctual' must be defined.",
                ),
                Some(index) => match lights.get_mut(index) {
                    Some(used) => *used = true,
                    None => unresolved(out, light, "light", index),
                },
                None => {}
            }
        }
    }
    let mut roots = Vec::new();
    for place in skin_places {
        let common = link_skin(out, file, place, &mut nodes, &mut used);
        roots.push(common);
    }
    for (_, place) in objects(root, "animations") {
        link_animation(out, declared, file, place, &nodes, &mesh_places, &mut used);
    }
    for (scene, place) in objects(root, "scenes") {
        for (node, value) in node_list(out, place, "nodes", &mut used) {
            if nodes[node].parent.is_some() {
                let message = format!("Node {node} is not a root node.");
                out.at(value, &codes::SCENE_NON_ROOT_NODE, message);
            }
            nodes[node].scenes.insert(scene);
        }
    }
    if let Some(scene) = index(root, "scene")
        && scene >= length(root, "scenes")
    {
        unresolved(out, root, "scene", scene);
    }
    check_hierarchy(out, declared, &nodes, &roots);
    for (key, used) in [
        ("buffers", &lists.buffers),
        ("cameras", &cameras),
        ("images", &lists.images),
        ("materials", &lists.materials),
        ("meshes", &meshes),
        ("nodes", &used),
        ("samplers", &lists.samplers),
        ("skins", &skins),
        ("textures", &lists.textures),
    ] {
        for (place, used) in list(root, key).zip(&used.0) {
            unused(out, place, *used);
        }
    }
    for accessor in &file.accessors {
        unused(out, accessor.place, accessor.used);
    }
    for view in &file.views {
        unused(out, view.place, view.used);
    }
    for ((place, used), weights) in mesh_places.iter().zip(&meshes.0).zip(weights_used) {
        if *used && !weights && length(*place, "weights") > 0 {
            out.under(
                *place,
                "weights",
                &codes::UNUSED_MESH_WEIGHTS,
                "The static morph target weights are always overridden.",
            );
        }
    }
    lights
}

/// Checks what a node asks of its mesh.
fn link_mesh(
    out: &mut Reporter,
    node: Cursor<'_>,
    mesh: Cursor<'_>,
    skinned: bool,
    weights_used: &mut bool,
) {
    if length(mesh, "primitives") == 0 {
        return;
    }
    let weights = length(node, "weights");
    let targets = list(mesh, "primitives")
        .next()
        .map_or(0, |first| length(first, "targets"));
    if weights > 0 && weights != targets {
        let message = format!(
            "The length of weights array ({weights}) does not match the number of morph targets ({targets})."
        );
        out.under(node, "weights", &codes::NODE_WEIGHTS_INVALID, message);
    }
    *weights_used |= weights == 0;
    let joints = |primitive: Cursor<'_>| {
        let attributes = primitive.entry("attributes");
        let joints = attributes
            .and_then(|list| sets(list, "JOINTS"))
            .unwrap_or(0);
        joints > 0 && attributes.and_then(|list| sets(list, "WEIGHTS")) == Some(joints)
    };
    let any = list(mesh, "primitives").any(joints);
    if skinned && !any {
        out.at(
            node,
            &codes::NODE_SKIN_WITH_NON_SKINNED_MESH,
            "Node has skin defined, but mesh has no joints data.",
        );
    } else if !skinned && any {
        out.at(
            node,
            &codes::NODE_SKINNED_MESH_WITHOUT_SKIN,
            "Node uses skinned mesh, but has no skin defined.",
        );
    }
}

/// The nodes from one up to its root, itself first; a cycle is gone round once.
fn ancestors(out: &mut Reporter, nodes: &[Node<'_>], from: usize) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = Some(from);
    while let Some(node) = next.filter(|node| seen.insert(*node)) {
        if !out.work(8) {
            break;
        }
        chain.push(node);
        next = nodes[node].parent;
    }
    chain
}

/// Links a skin; gives the nodes that all its joints hang below, the lowest first.
fn link_skin<'a>(
    out: &mut Reporter,
    file: &mut File<'a>,
    place: Cursor<'a>,
    nodes: &mut [Node<'_>],
    used: &mut Used,
) -> Vec<usize> {
    let mut common: Option<Vec<usize>> = None;
    for (joint, _) in node_list(out, place, "joints", used) {
        nodes[joint].joint = true;
        let chain = ancestors(out, nodes, joint);
        common = Some(match common {
            None => chain,
            Some(common) => {
                let chain: BTreeSet<_> = chain.into_iter().collect();
                common
                    .into_iter()
                    .filter(|node| chain.contains(node))
                    .collect()
            }
        });
    }
    let joints = length(place, "joints");
    let common = common.unwrap_or_default();
    if joints > 0 && common.is_empty() {
        out.under(
            place,
            "joints",
            &codes::SKIN_NO_COMMON_ROOT,
            "Joints do not have a common root.",
        );
    }
    if let Some(value) = place.entry("inverseBindMatrices")
        && let Some(index) = file.accessor(out, value, Usage::InverseBindMatrices)
    {
        if let Some(view) = file.accessors[index].view {
            file.use_view(out, value, view, ViewUsage::InverseBindMatrices);
            if file.views[view].stride.is_some() {
                out.at(
                    value,
                    &codes::SKIN_IBM_ACCESSOR_WITH_BYTESTRIDE,
                    "bufferView.byteStride must not be defined for buffer views used by inverse bind matrices accessors.",
                );
            }
        }
        match file.accessors[index].format() {
            Some((Shape::Mat4, Component::F32, false)) => {
                file.jobs
                    .push(Job::new(index, Check::InverseBindMatrices, value));
            }
            Some(_) => out.at(
                value,
                &codes::SKIN_IBM_INVALID_FORMAT,
                "Invalid IBM accessor format. Must be one of ('{MAT4, FLOAT}').",
            ),
            None => {}
        }
        if let Some(count) = file.accessors[index].count
            && count < joints
        {
            let message =
                format!("IBM accessor must have at least {joints} elements. Found {count}.");
            out.at(value, &codes::INVALID_IBM_ACCESSOR_COUNT, message);
        }
    }
    if let Some(skeleton) = index(place, "skeleton") {
        if skeleton >= nodes.len() {
            unresolved(out, place, "skeleton", skeleton);
        } else if !common.contains(&skeleton) {
            out.under(
                place,
                "skeleton",
                &codes::SKIN_SKELETON_INVALID,
                "Skeleton node is not a common root.",
            );
        }
    }
    common
}

fn link_animation<'a>(
    out: &mut Reporter,
    declared: &Declared<'_>,
    file: &mut File<'a>,
    place: Cursor<'a>,
    nodes: &[Node<'_>],
    meshes: &[Cursor<'_>],
    used: &mut Used,
) {
    if length(place, "samplers") == 0 || length(place, "channels") == 0 {
        return;
    }
    let mut samplers = Used::of(place, "samplers");
    let sampler_places: Vec<_> = list(place, "samplers").collect();
    let cubic = |sampler: Cursor<'_>| text(sampler, "interpolation") == Some("CUBICSPLINE");
    let mut parts = Vec::new();
    for sampler in &sampler_places {
        let mut found = [None, None];
        for (found, (key, usage)) in found.iter_mut().zip([
            ("input", Usage::AnimationInput),
            ("output", Usage::AnimationOutput),
        ]) {
            let Some(value) = sampler.entry(key) else {
                continue;
            };
            let Some(index) = file.accessor(out, value, usage) else {
                continue;
            };
            *found = Some(index);
            if let Some(view) = file.accessors[index].view {
                file.use_view(out, value, view, ViewUsage::Other);
                if file.views[view].stride.is_some() {
                    out.at(
                        value,
                        &codes::ANIMATION_SAMPLER_ACCESSOR_WITH_BYTESTRIDE,
                        "bufferView.byteStride must not be defined for buffer views used by animation sampler accessors.",
                    );
                }
            }
            if key == "output" {
                continue;
            }
            let accessor = &file.accessors[index];
            let bounds = accessor.has_bounds();
            let few = cubic(*sampler) && accessor.count.is_some_and(|count| count < 2);
            match accessor.format() {
                Some((Shape::Scalar, Component::F32, false)) => {
                    file.jobs.push(Job::new(index, Check::Times, value));
                }
                _ => out.at(
                    value,
                    &codes::ANIMATION_SAMPLER_INPUT_ACCESSOR_INVALID_FORMAT,
                    "Invalid Animation sampler input accessor format. Must be one of ('{SCALAR, FLOAT}').",
                ),
            }
            if !bounds {
                out.at(
                    value,
                    &codes::ANIMATION_SAMPLER_INPUT_ACCESSOR_WITHOUT_BOUNDS,
                    "accessor.min and accessor.max must be defined for animation input accessor.",
                );
            }
            if few {
                out.at(
                    value,
                    &codes::ANIMATION_SAMPLER_INPUT_ACCESSOR_TOO_FEW_ELEMENTS,
                    "Animation sampler output accessor with 'CUBICSPLINE' interpolation must have at least 2 elements.",
                );
            }
        }
        parts.push(found);
    }
    let mut targets_seen = std::collections::BTreeMap::new();
    for (number, channel) in objects(place, "channels") {
        let target = channel.entry("target").filter(|target| target.is_object());
        let path = target.and_then(|target| text(target, "path"));
        let mut morphs = 0;
        if let Some(target) = target {
            let stated = index(target, "node");
            if let Some(node) = used.resolve(out, target, "node") {
                let node = &nodes[node];
                let mesh = node.mesh.map(|mesh| meshes[mesh]);
                let first = mesh.and_then(|mesh| list(mesh, "primitives").next());
                morphs = first.map_or(0, |first| length(first, "targets"));
                match path {
                    Some("translation" | "rotation" | "scale") => {
                        if node.has_matrix {
                            out.at(
                                target,
                                &codes::ANIMATION_CHANNEL_TARGET_NODE_MATRIX,
                                "Animation channel cannot target TRS properties of a node with defined matrix.",
                            );
                        }
                        if node.skin.is_some() {
                            out.under(
                                target,
                                "path",
                                &codes::ANIMATION_CHANNEL_TARGET_NODE_SKIN,
                                "Animated TRS properties will not affect a skinned mesh.",
                            );
                        }
                    }
                    Some("weights") if morphs == 0 => out.at(
                        target,
                        &codes::ANIMATION_CHANNEL_TARGET_NODE_WEIGHTS_NO_MORPHS,
                        "Animation channel cannot target WEIGHTS when mesh does not have morph targets.",
                    ),
                    _ => {}
                }
                if let Some(pointer) = extension(declared, target, "KHR_animation_pointer") {
                    out.at(
                        pointer,
                        &codes::KHR_ANIMATION_POINTER_ANIMATION_CHANNEL_TARGET_NODE,
                        "This extension requires the animation channel target node to be undefined.",
                    );
                }
            }
            if let Some(pointer) = extension(declared, target, "KHR_animation_pointer") {
                out.at(
                    pointer,
                    &codes::INCOMPLETE_EXTENSION_SUPPORT,
                    "Validation support for this extension is incomplete; the asset may have undetected issues.",
                );
                if path != Some("pointer") {
                    out.at(
                        pointer,
                        &codes::KHR_ANIMATION_POINTER_ANIMATION_CHANNEL_TARGET_PATH,
                        "This extension requires the animation channel target path to be 'pointer'.",
                    );
                }
            }
            if let (Some(node), Some(path)) = (stated, path)
                && let Some((first, _)) = targets_seen.insert((node, path), (channel, number))
            {
                let message = format!("Animation channel has the same target as channel {number}.");
                let first: Cursor<'_> = first;
                out.under(
                    first,
                    "target",
                    &codes::ANIMATION_DUPLICATE_TARGETS,
                    message,
                );
            }
        }
        let Some(sampler) = samplers.resolve(out, channel, "sampler") else {
            continue;
        };
        let (Some(output), Some(path)) = (parts[sampler][1], path) else {
            continue;
        };
        let Some(value) = channel.entry("sampler") else {
            continue;
        };
        let cubic = cubic(sampler_places[sampler]);
        let accessor = &file.accessors[output];
        let format = accessor.format();
        if path == "rotation" && format.is_some_and(|(shape, _, _)| shape.components() == 4) {
            file.jobs
                .push(Job::new(output, Check::Quaternions { cubic }, value));
        }
        let accessor = &file.accessors[output];
        let float = format.is_some_and(|(_, component, _)| component == Component::F32);
        let small = format.is_some_and(|(_, component, normalized)| {
            normalized && !matches!(component, Component::F32 | Component::U32)
        });
        let shaped = |shape| format.is_some_and(|(found, _, _)| found == shape);
        let fits = match path {
            "translation" | "scale" => shaped(Shape::Vec3) && float,
            "rotation" => shaped(Shape::Vec4) && (float || small),
            "weights" => shaped(Shape::Scalar) && (float || small),
            _ => true,
        };
        if !fits {
            let message =
                format!("Invalid animation sampler output accessor format for path '{path}'.");
            out.at(
                value,
                &codes::ANIMATION_SAMPLER_OUTPUT_ACCESSOR_INVALID_FORMAT,
                message,
            );
        }
        let keys = parts[sampler][0].and_then(|input| file.accessors[input].count);
        if let (Some(keys), Some(count)) = (keys, accessor.count) {
            let width = match path {
                "translation" | "rotation" | "scale" => 1,
                "weights" => morphs,
                _ => 0,
            };
            let expected = keys
                .saturating_mul(if cubic { 3 } else { 1 })
                .saturating_mul(width);
            if expected != 0 && expected != count {
                let message = format!(
                    "Animation sampler output accessor of count {expected} expected. Found {count}."
                );
                out.at(
                    value,
                    &codes::ANIMATION_SAMPLER_OUTPUT_ACCESSOR_INVALID_COUNT,
                    message,
                );
            }
        }
    }
    for (sampler, used) in sampler_places.iter().zip(samplers.0) {
        unused(out, *sampler, used);
    }
}

/// Rules of the hierarchy as a whole: empty nodes, cycles, and where skinned meshes hang.
fn check_hierarchy(
    out: &mut Reporter,
    declared: &Declared<'_>,
    nodes: &[Node<'_>],
    roots: &[Vec<usize>],
) {
    let cyclic = cycles(nodes);
    for (at, node) in nodes.iter().enumerate() {
        if !node.place.is_object() {
            continue;
        }
        let extended = node.place.entry("extensions").is_some_and(|list| {
            // Those in a wrong place do not count.
            let means = |name: &str| {
                !declared.loaded(name)
                    || matches!(name, "KHR_lights_punctual" | "KHR_node_visibility")
            };
            list.entries().any(|(name, _)| means(name))
        });
        if !node.joint
            && length(node.place, "children") == 0
            && node.mesh.is_none()
            && node.camera.is_none()
            && !extended
            && node.place.entry("extras").is_none_or(Cursor::is_null)
        {
            out.at(node.place, &codes::NODE_EMPTY, "Empty node encountered.");
        }
        if cyclic[at] {
            out.at(
                node.place,
                &codes::NODE_LOOP,
                "Node is a part of a node loop.",
            );
        }
        let Some(skin) = node.skin else { continue };
        if node.moves {
            out.at(
                node.place,
                &codes::NODE_SKINNED_MESH_LOCAL_TRANSFORMS,
                "Local transforms will not affect a skinned mesh.",
            );
        }
        let chain = ancestors(out, nodes, at);
        if node.parent.is_some() {
            if chain[1..].iter().any(|parent| nodes[*parent].moves) {
                out.at(
                    node.place,
                    &codes::NODE_SKINNED_MESH_PARENT_TRANSFORMS,
                    "Node with a skinned mesh has parent nodes with transforms. Parent transforms will not affect a skinned mesh.",
                );
            }
            out.at(
                node.place,
                &codes::NODE_SKINNED_MESH_NON_ROOT,
                "Node with a skinned mesh is not root. Parent transforms will not affect a skinned mesh.",
            );
        }
        let top = roots[skin]
            .iter()
            .find(|root| nodes[**root].parent.is_none());
        if let Some(top) = top {
            let mut scenes = chain.iter().flat_map(|node| &nodes[*node].scenes);
            if !scenes.all(|scene| nodes[*top].scenes.contains(scene)) {
                out.at(
                    node.place,
                    &codes::NODE_SKIN_NO_SCENE,
                    "A node with a skinned mesh is used in a scene that does not contain joint nodes.",
                );
            }
        }
    }
}

/// Which nodes are part of a cycle of parents. Cost: O(nodes).
fn cycles(nodes: &[Node<'_>]) -> Vec<bool> {
    let mut cyclic = vec![false; nodes.len()];
    // By which walk a node was reached first.
    let mut walk = vec![usize::MAX; nodes.len()];
    for start in 0..nodes.len() {
        let mut at = start;
        loop {
            if walk[at] == start {
                // Round once more.
                while !cyclic[at] {
                    cyclic[at] = true;
                    at = nodes[at].parent.unwrap_or(at);
                }
                break;
            }
            if walk[at] != usize::MAX {
                break;
            }
            walk[at] = start;
            match nodes[at].parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
    }
    cyclic
}
