//! The numbers of a file where they lie, without a copy.
//!
//! [`parse`](super::parse) gives lists of one layout, which is a copy of what the file has. Whoever uploads numbers as they are, or looks at a few of
//! them, opens the file with [`Accessors`] instead: the structure is read and every range checked, and nothing else.

use std::{borrow::Cow, ops::Range};

use super::{
    accessor::{self, Component, Shape, Span},
    context::Context,
    cursor::Cursor,
    error::{GltfError, Problem},
    extensions, glb,
    json::Document,
    options::LoadOptions,
    resource::{self, Resolver},
    spell::Mode,
};
use crate::Topology;

/// The accessors and primitives of a .gltf or .glb, with the bytes that they are in.
///
/// Of the rest of the file nothing is read: no nodes, materials or pictures. Numbers are not looked at either: indices may reach
/// past the vertices, floats may not be finite.
///
/// ```
/// use storm_assets::gltf::{Accessors, Component, LoadOptions, Shape};
///
/// let json = br#"{
///     "asset": { "version": "2.0" },
///     "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }],
///     "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" }],
///     "bufferViews": [{ "buffer": 0, "byteLength": 36 }],
///     "buffers": [{ "byteLength": 36, "uri": "data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAAAAgD8AAAAA" }]
/// }"#;
/// let file = Accessors::parse(json, &mut |_| unreachable!("it refers to no file"), &LoadOptions::default())?;
/// let positions = file.get(file.primitives()[0].attribute("POSITION").unwrap()).unwrap();
/// assert_eq!((positions.component, positions.shape, positions.count), (Component::F32, Shape::Vec3, 3));
/// assert_eq!(positions.slice::<[f32; 3]>().unwrap()[1], [1.0, 0.0, 0.0]);
/// # Ok::<(), storm_assets::gltf::GltfError>(())
/// ```
#[derive(Debug)]
pub struct Accessors<'a> {
    buffers: Vec<Option<Cow<'a, [u8]>>>,
    list: Vec<Declared>,
    primitives: Vec<PrimitiveAccessors>,
}

/// The accessors of a primitive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrimitiveAccessors {
    /// Index of its mesh in the file.
    pub mesh: usize,
    /// Its place in the mesh.
    pub primitive: usize,
    /// What its indices make, once strips, loops and fans are spelt out.
    pub topology: Topology,
    /// Whether they are lists already: what is a strip, loop or fan is not.
    pub is_list: bool,
    /// The accessor of its indices; `None` where each vertex stands for itself.
    pub indices: Option<usize>,
    /// Semantics, such as `POSITION`, and their accessors, in the order of the file.
    pub attributes: Vec<(String, usize)>,
}

impl PrimitiveAccessors {
    /// The accessor of an attribute.
    #[must_use]
    pub fn attribute(&self, semantic: &str) -> Option<usize> {
        self.attributes
            .iter()
            .find(|(name, _)| name == semantic)
            .map(|(_, accessor)| *accessor)
    }
}

/// An accessor whose bytes are where the file says.
#[derive(Debug)]
struct Declared {
    component: Component,
    shape: Shape,
    normalized: bool,
    count: usize,
    sparse: bool,
    /// Buffer, bytes in it and stride; absent where all is zero.
    base: Option<(usize, Range<usize>, usize)>,
}

/// One accessor: a type, and the bytes of its elements.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessorView<'v> {
    /// What each number is.
    pub component: Component,
    /// How many numbers make an element.
    pub shape: Shape,
    /// Whether integers stand for 0 to 1, or -1 to 1 where they are signed.
    pub normalized: bool,
    /// Elements.
    pub count: usize,
    /// Bytes from one element to the next.
    pub stride: usize,
    /// Whether other elements are put over these: those are not in `bytes`.
    pub sparse: bool,
    /// From the first byte of the first element to the last of the last; `None` where all is zero.
    pub bytes: Option<&'v [u8]>,
}

impl<'v> AccessorView<'v> {
    /// The elements as they lie; `None` where they are not values of type `T` one after the other on this machine: another size, gaps between them, sparse
    /// elements, a beginning between words, or the other byte order. Cost: none.
    ///
    /// The size of `T` is compared with that of an element, not its type: `component` and `shape` say that.
    #[must_use]
    pub fn slice<T: bytemuck::AnyBitPattern>(&self) -> Option<&'v [T]> {
        let fits =
            size_of::<T>() == self.stride && self.shape.extent(self.component) == self.stride;
        if !fits || self.sparse || (cfg!(target_endian = "big") && self.component.bytes() > 1) {
            return None;
        }
        bytemuck::try_cast_slice(self.bytes?).ok()
    }
}

impl<'a> Accessors<'a> {
    /// Opens a file. Compressed views are decoded; buffers beside the file come from `resolver`.
    ///
    /// # Errors
    /// As [`parse`](super::parse), for the parts that are read.
    pub fn parse(
        bytes: &'a [u8],
        resolver: &mut Resolver<'_>,
        options: &LoadOptions,
    ) -> Result<Self, GltfError> {
        let source = options
            .source
            .clone()
            .unwrap_or_else(|| "memory".to_owned());
        let mut context = Context::new(source, options);
        Self::read(&mut context, bytes, resolver).map_err(|problem| GltfError {
            file: context.source.clone(),
            problem,
        })
    }

    fn read(
        context: &mut Context,
        bytes: &'a [u8],
        resolver: &mut Resolver<'_>,
    ) -> Result<Self, Problem> {
        context.budget.input(bytes.len(), String::new)?;
        let parts = glb::split(bytes)?;
        super::parse::check_json(context, parts.json)?;
        let document = Document::parse(parts.json)?;
        let root = document.root();
        extensions::read(context, root)?;
        let mut buffers = resource::buffers(context, resolver, root, (parts.is_glb, parts.binary))?;
        let views = resource::views(context, root, &mut buffers)?;
        let accessors = accessor::accessors(context, root, &views)?;
        let mut list = context
            .budget
            .list::<Declared>(accessors.len(), || "/accessors".to_owned())?;
        for accessor in &accessors {
            let base = accessor.base.map(
                |Span {
                     view,
                     offset,
                     stride,
                 }| {
                    let view = &views[view];
                    let start = view.offset + offset;
                    // `accessors` has checked the range.
                    let length =
                        stride * (accessor.count - 1) + accessor.shape.extent(accessor.component);
                    (view.buffer, start..start + length, stride)
                },
            );
            list.push(Declared {
                component: accessor.component,
                shape: accessor.shape,
                normalized: accessor.normalized,
                count: accessor.count,
                sparse: accessor.sparse.is_some(),
                base,
            });
        }
        let primitives = primitives(context, root, list.len())?;
        // The document goes; what is borrowed of the file itself stays.
        let binary = parts.binary;
        let kept = |bytes: Cow<'_, [u8]>| match (bytes, binary) {
            (Cow::Borrowed(bytes), Some(binary)) => Cow::Borrowed(&binary[..bytes.len()]),
            (bytes, _) => Cow::Owned(bytes.into_owned()),
        };
        let buffers = buffers.into_iter().map(|bytes| bytes.map(kept)).collect();
        Ok(Self {
            buffers,
            list,
            primitives,
        })
    }

    /// How many accessors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// An accessor by its index in the file.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<AccessorView<'_>> {
        let declared = self.list.get(index)?;
        let of_base = |(buffer, range, _): &(usize, Range<usize>, usize)| {
            self.buffers.get(*buffer)?.as_ref()?.get(range.clone())
        };
        let packed = declared.shape.bytes(declared.component);
        Some(AccessorView {
            component: declared.component,
            shape: declared.shape,
            normalized: declared.normalized,
            count: declared.count,
            stride: declared
                .base
                .as_ref()
                .map_or(packed, |(_, _, stride)| *stride),
            sparse: declared.sparse,
            bytes: declared.base.as_ref().and_then(of_base),
        })
    }

    /// All primitives, mesh by mesh.
    #[must_use]
    pub fn primitives(&self) -> &[PrimitiveAccessors] {
        &self.primitives
    }
}

fn primitives(
    context: &mut Context,
    root: Cursor<'_>,
    accessors: usize,
) -> Result<Vec<PrimitiveAccessors>, Problem> {
    let mut all = Vec::new();
    let Some(meshes) = root.get("meshes")? else {
        return Ok(all);
    };
    for (mesh, place) in meshes.elements()?.1.enumerate() {
        for (primitive, place) in place.required("primitives")?.elements()?.1.enumerate() {
            let mode = Mode::read(place)?;
            let members = place.required("attributes")?;
            // The list doubles when it grows.
            context
                .budget
                .values::<[PrimitiveAccessors; 3]>(1, || place.pointer())?;
            let mut attributes = Vec::new();
            for (semantic, accessor) in members.members()? {
                context
                    .budget
                    .values::<[(String, usize); 3]>(1, || members.pointer())?;
                context
                    .budget
                    .values::<u8>(semantic.len(), || members.pointer())?;
                attributes.push((semantic.to_owned(), accessor.index(accessors, "accessors")?));
            }
            all.push(PrimitiveAccessors {
                mesh,
                primitive,
                topology: mode.topology(),
                is_list: matches!(mode, Mode::Points | Mode::Lines | Mode::Triangles),
                indices: place.optional_index("indices", accessors, "accessors")?,
                attributes,
            });
        }
    }
    Ok(all)
}
