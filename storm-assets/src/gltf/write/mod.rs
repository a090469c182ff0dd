//! The glTF 2.0 writer: a [`Gltf`] becomes one .glb.
//!
//! What the reader gives, the writer keeps, number for number: reading what was written gives equal values. What a [`Gltf`] has and a file
//! cannot say is named in [`Written::left_out`]. `docs/assets.md` has the decisions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

mod binary;
mod error;
mod kept;
mod materials;
mod meshes;
mod pictures;
mod quantize;
mod scene;

use self::binary::Binary;
pub use self::{error::WriteError, pictures::PictureFormat};
use super::Gltf;

/// How to write. `WriteOptions::default()` loses nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// In which format pictures are stored.
    pub pictures: PictureFormat,
    /// Pictures with a longer side are halved until they are within it.
    pub picture_side_max: Option<u32>,
    /// Stores vertices in 8 and 16 bits (KHR_mesh_quantization): positions on a grid of 65,536 steps along the longest side of the mesh.
    /// Loses what is finer; a quarter to a half of the bytes is left.
    pub quantize: bool,
}

impl WriteOptions {
    /// The same options with another format of pictures.
    #[must_use]
    pub fn with_pictures(mut self, pictures: PictureFormat) -> Self {
        self.pictures = pictures;
        self
    }

    /// The same options with a longest side of pictures, in pixels; 0 counts as 1.
    #[must_use]
    pub fn with_picture_side_max(mut self, side: u32) -> Self {
        self.picture_side_max = Some(side.max(1));
        self
    }

    /// The same options with or without quantised vertices.
    #[must_use]
    pub fn with_quantize(mut self, quantize: bool) -> Self {
        self.quantize = quantize;
        self
    }
}

/// A file in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The .glb.
    pub bytes: Vec<u8>,
    /// What the values had and the file has not, one line each; empty where nothing was lost.
    pub left_out: Vec<String>,
}

/// What all parts of the writer add to.
struct Writer<'g> {
    file: &'g Gltf,
    options: &'g WriteOptions,
    binary: Binary,
    /// Extensions that stand somewhere in the file.
    used: BTreeSet<String>,
    /// Those of them without which it cannot be read.
    required: BTreeSet<String>,
    left_out: Vec<String>,
    /// Where each image of [`Gltf::images`] stands in the file.
    image_places: Vec<Option<usize>>,
    /// Where each clip stands in the file.
    clip_places: Vec<Option<usize>>,
    /// For nodes whose mesh is on a grid, the node below them that has it.
    mesh_nodes: BTreeMap<usize, usize>,
}

impl Writer<'_> {
    /// Puts an extension object into `object`.
    fn extend(&mut self, object: &mut Map<String, Value>, name: &str, value: Value) {
        self.used.insert(name.to_owned());
        let extensions = object.entry("extensions").or_insert_with(|| json!({}));
        if let Value::Object(extensions) = extensions {
            extensions.insert(name.to_owned(), value);
        }
    }
}

impl Gltf {
    /// Writes everything into one .glb: all scenes, nodes, meshes, materials with their layers and variants, pictures, skins, clips, cameras, lights, and
    /// what was [kept](Gltf::kept).
    ///
    /// Equal lists of numbers are stored once. Pictures go in with the bytes that they came with where the reader
    /// [kept them](super::LoadOptions::keep_encoded), and as PNG otherwise. The result depends on the values only, to the last byte.
    ///
    /// Not written, and named in [`Written::left_out`] where it was there: coarser levels of meshes, primitives without indices or vertices,
    /// extras of objects that are made anew (textures, samplers, accessors, buffers, channels of animations), and unknown extensions that
    /// point into those. The file does not say which primitives were left out when it was read.
    ///
    /// # Errors
    /// When a value names another that is not there, is malformed or not finite, or the file would take 4 GiB or more.
    ///
    /// ```
    /// use storm_assets::{Handle, Material, Mesh, gltf::{self, Gltf, LoadOptions, MeshGroup, Node, Primitive, WriteOptions}};
    ///
    /// let (mesh, red) = (Handle::of("example", "mesh"), Handle::of("example", "red"));
    /// let mut file = Gltf::default();
    /// file.library.meshes.insert(mesh, Mesh {
    ///     positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    ///     normals: vec![[0.0, 0.0, 1.0]; 3],
    ///     indices: vec![0, 1, 2],
    ///     ..Mesh::default()
    /// });
    /// file.library.materials.insert(red, Material::matte("red", [1.0, 0.0, 0.0], 0.5));
    /// file.materials.push(red);
    /// file.meshes.push(MeshGroup { primitives: vec![Primitive { index: 0, mesh, material: red }], ..MeshGroup::default() });
    /// file.nodes.push(Node { mesh: Some(0), ..Node::default() });
    ///
    /// let written = file.to_glb(&WriteOptions::default())?;
    /// let again = gltf::parse(&written.bytes, &mut |_| unreachable!("all is inside"), &LoadOptions::default())?;
    /// assert_eq!(again.library.meshes.get(again.meshes[0].primitives[0].mesh).unwrap().positions[1], [1.0, 0.0, 0.0]);
    /// assert_eq!(again.library.materials.get(again.materials[0]).unwrap().roughness, 0.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_glb(&self, options: &WriteOptions) -> Result<Written, WriteError> {
        let mut writer = Writer {
            file: self,
            options,
            binary: Binary::default(),
            used: BTreeSet::new(),
            required: BTreeSet::new(),
            left_out: Vec::new(),
            image_places: Vec::new(),
            clip_places: Vec::new(),
            mesh_nodes: BTreeMap::new(),
        };
        let mut root = Map::new();
        let mut asset = Map::new();
        asset.insert("version".to_owned(), json!("2.0"));
        for (key, text) in [
            ("generator", &self.generator),
            ("copyright", &self.copyright),
        ] {
            if !text.is_empty() {
                asset.insert(key.to_owned(), json!(text));
            }
        }
        root.insert("asset".to_owned(), Value::Object(asset));
        let surfaces = writer.materials(&mut root)?;
        let shapes = writer.meshes(&mut root, &surfaces)?;
        writer.scene(&mut root, &shapes)?;
        surfaces.finish(&mut root);
        writer.clips(&mut root, &shapes)?;
        writer.put_back(&mut root, &shapes);
        writer.finish(root)
    }
}

impl Writer<'_> {
    fn finish(mut self, mut root: Map<String, Value>) -> Result<Written, WriteError> {
        self.binary.finish(&mut root);
        // What a file said it cannot be shown without is still so, where it still stands there.
        let stated = self.file.extensions_required.iter();
        self.required
            .extend(stated.filter(|name| self.used.contains(*name)).cloned());
        for (key, names) in [
            ("extensionsUsed", &self.used),
            ("extensionsRequired", &self.required),
        ] {
            if !names.is_empty() {
                root.insert(key.to_owned(), json!(names));
            }
        }
        // A value of strings, numbers and lists has a text.
        let json = serde_json::to_vec(&Value::Object(root)).map_err(|_| WriteError::NotFinite {
            what: "a property".to_owned(),
        })?;
        Ok(Written {
            bytes: binary::container(json, self.binary.bytes)?,
            left_out: self.left_out,
        })
    }
}

/// A number of the JSON: the shortest text that gives this `f32` again.
fn number(value: f32, what: impl Fn() -> String) -> Result<Value, WriteError> {
    let not_finite = || WriteError::NotFinite { what: what() };
    if !value.is_finite() {
        return Err(not_finite());
    }
    // By way of its text: 0.1 as f64 would be written with 17 digits.
    let short: f64 = value.to_string().parse().unwrap_or(f64::from(value));
    let exact = if short as f32 == value {
        short
    } else {
        f64::from(value)
    };
    // -0 would be read as 0 by some; it is written as it is.
    serde_json::Number::from_f64(exact)
        .map(Value::Number)
        .ok_or_else(not_finite)
}

/// A list of numbers.
fn numbers(values: &[f32], what: impl Fn() -> String) -> Result<Value, WriteError> {
    values
        .iter()
        .map(|value| number(*value, &what))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// Puts a name in, unless it is empty.
fn name(object: &mut Map<String, Value>, name: &str) {
    if !name.is_empty() {
        object.insert("name".to_owned(), json!(name));
    }
}

/// Puts a list in, unless it is empty: empty ones are against the rules.
fn list(object: &mut Map<String, Value>, key: &str, values: Vec<Value>) {
    if !values.is_empty() {
        object.insert(key.to_owned(), Value::Array(values));
    }
}
