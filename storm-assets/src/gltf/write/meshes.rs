//! Meshes (glTF 2.0 §3.7.2): each list of numbers once, whoever shares it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    WriteError, Writer,
    binary::{Component, Layout, Use},
    list,
    materials::Surfaces,
    name, numbers,
    quantize::Grid,
};
use crate::{Handle, Mesh, Topology, gltf::MeshGroup};

/// Where meshes stand in the file.
#[derive(Default)]
pub(super) struct Shapes {
    /// By mesh and by [`Primitive::index`](crate::gltf::Primitive::index), the place of the primitive in the file.
    pub(super) primitives: Vec<BTreeMap<usize, usize>>,
    /// By mesh, its place in the file; `None` where it has no primitive left.
    pub(super) places: Vec<Option<usize>>,
    /// By mesh, how many morph targets its primitives have.
    pub(super) targets: Vec<usize>,
    /// By mesh, the grid that its positions are on.
    pub(super) grids: Vec<Option<Grid>>,
}

/// The attributes, indices and targets of a geometry, as JSON.
type Geometry = Map<String, Value>;

impl Writer<'_> {
    pub(super) fn meshes(
        &mut self,
        root: &mut Map<String, Value>,
        surfaces: &Surfaces,
    ) -> Result<Shapes, WriteError> {
        let mut shapes = Shapes::default();
        let mut values = Vec::new();
        let mut known = BTreeMap::new();
        let grids = match self.options.quantize {
            true => Grid::of_meshes(self.file),
            false => vec![None; self.file.meshes.len()],
        };
        for ((index, group), grid) in self.file.meshes.iter().enumerate().zip(grids) {
            let (value, places) = self.mesh(surfaces, index, group, grid.as_ref(), &mut known)?;
            let first = group
                .primitives
                .first()
                .and_then(|primitive| self.file.library.meshes.get(primitive.mesh));
            shapes
                .targets
                .push(first.map_or(0, |mesh| mesh.morph_targets.len()));
            shapes.grids.push(grid);
            shapes.primitives.push(places);
            shapes.places.push(value.is_some().then_some(values.len()));
            values.extend(value);
        }
        list(root, "meshes", values);
        Ok(shapes)
    }

    fn mesh(
        &mut self,
        surfaces: &Surfaces,
        index: usize,
        group: &MeshGroup,
        grid: Option<&Grid>,
        known: &mut BTreeMap<(Handle<Mesh>, bool), Option<Geometry>>,
    ) -> Result<(Option<Value>, BTreeMap<usize, usize>), WriteError> {
        let mut primitives: Vec<Value> = Vec::new();
        let mut places = BTreeMap::new();
        let mut targets = None;
        for (place, primitive) in group.primitives.iter().enumerate() {
            let by = || format!("primitive {place} of mesh {index}");
            let Some(mesh) = self.file.library.meshes.get(primitive.mesh) else {
                return Err(WriteError::Missing {
                    by: by(),
                    what: format!("mesh {}", primitive.mesh.id()),
                });
            };
            let expected = *targets.get_or_insert(mesh.morph_targets.len());
            if mesh.morph_targets.len() != expected {
                let found = mesh.morph_targets.len();
                return Err(WriteError::Count {
                    what: format!("morph targets of {}", by()),
                    expected,
                    found,
                });
            }
            // A geometry is on one grid at most.
            let key = (primitive.mesh, grid.is_some());
            let geometry = match known.get(&key) {
                Some(geometry) => geometry.clone(),
                None => {
                    let geometry = self.geometry(mesh, grid, &by())?;
                    known.insert(key, geometry.clone());
                    geometry
                }
            };
            let Some(mut value) = geometry else {
                self.left_out.push(format!("{}: it draws nothing", by()));
                continue;
            };
            if let Some(material) = surfaces.place(primitive.material) {
                value.insert("material".to_owned(), json!(material));
            }
            let mut mappings: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for variant in group
                .variants
                .iter()
                .filter(|variant| variant.primitive == place)
            {
                let Some(material) = surfaces
                    .place(variant.material)
                    .filter(|_| variant.variant < self.file.variants.len())
                else {
                    return Err(WriteError::Missing {
                        by: by(),
                        what: format!("variant {}", variant.variant),
                    });
                };
                mappings.entry(material).or_default().push(variant.variant);
            }
            if !mappings.is_empty() {
                let mappings: Vec<Value> =
                    mappings.iter().map(|(material, variants)| json!({ "material": material, "variants": variants })).collect();
                self.extend(
                    &mut value,
                    "KHR_materials_variants",
                    json!({ "mappings": mappings }),
                );
            }
            places.insert(primitive.index, primitives.len());
            primitives.push(Value::Object(value));
        }
        if primitives.is_empty() {
            self.left_out
                .push(format!("mesh {index}: it draws nothing"));
            return Ok((None, places));
        }
        let mut out = Map::new();
        name(&mut out, &group.name);
        out.insert("primitives".to_owned(), Value::Array(primitives));
        let weights = &group.morph_weights;
        if !weights.is_empty() && weights.len() != targets.unwrap_or(0) {
            return Err(WriteError::Count {
                what: format!("morph weights of mesh {index}"),
                expected: targets.unwrap_or(0),
                found: weights.len(),
            });
        }
        if weights.iter().any(|weight| *weight != 0.0) {
            out.insert(
                "weights".to_owned(),
                numbers(weights, || format!("a weight of mesh {index}"))?,
            );
        }
        Ok((Some(Value::Object(out)), places))
    }

    /// The parts of a primitive that only its geometry decides; `None` where there is nothing to draw.
    fn geometry(
        &mut self,
        mesh: &Mesh,
        grid: Option<&Grid>,
        by: &str,
    ) -> Result<Option<Geometry>, WriteError> {
        mesh.check().map_err(|error| WriteError::Mesh {
            mesh: by.to_owned(),
            error,
        })?;
        if mesh.positions.is_empty() || mesh.indices.is_empty() {
            return Ok(None);
        }
        if !mesh.levels.is_empty() {
            self.left_out
                .push(format!("{by}: {} coarser levels", mesh.levels.len()));
        }
        let mut attributes = Map::new();
        let positions = match grid {
            Some(grid) => self.grid_positions(grid, &mesh.positions, by)?,
            None => self
                .binary
                .floats(&mesh.positions, VEC3, true, || format!("positions of {by}"))?,
        };
        attributes.insert("POSITION".to_owned(), json!(positions));
        let quantize = self.options.quantize;
        if !mesh.normals.is_empty() {
            let normals = match quantize {
                true => self.small_vectors(&mesh.normals, by)?,
                false => self
                    .binary
                    .floats(&mesh.normals, VEC3, false, || format!("normals of {by}"))?,
            };
            attributes.insert("NORMAL".to_owned(), json!(normals));
        }
        if !mesh.tangents.is_empty() {
            let tangents = match quantize {
                true => self.small_vectors(&mesh.tangents, by)?,
                false => self
                    .binary
                    .floats(&mesh.tangents, VEC4, false, || format!("tangents of {by}"))?,
            };
            attributes.insert("TANGENT".to_owned(), json!(tangents));
        }
        for (set, uvs) in mesh
            .uvs
            .iter()
            .enumerate()
            .filter(|(_, uvs)| !uvs.is_empty())
        {
            let uvs = match quantize {
                true => self.small_uvs(uvs, by)?,
                false => self
                    .binary
                    .floats(uvs, VEC2, false, || format!("UVs of {by}"))?,
            };
            attributes.insert(format!("TEXCOORD_{set}"), json!(uvs));
        }
        if !mesh.colors.is_empty() {
            let colors = match quantize {
                true => self.small_colors(&mesh.colors, by)?,
                false => self
                    .binary
                    .floats(&mesh.colors, VEC4, false, || format!("colours of {by}"))?,
            };
            attributes.insert("COLOR_0".to_owned(), json!(colors));
        }
        for (set, joints) in mesh.joints.iter().enumerate() {
            attributes.insert(format!("JOINTS_{set}"), json!(self.joints(joints, by)?));
        }
        for (set, weights) in mesh.weights.iter().enumerate() {
            let weights = self
                .binary
                .floats(weights, VEC4, false, || format!("weights of {by}"))?;
            attributes.insert(format!("WEIGHTS_{set}"), json!(weights));
        }
        let mut out = Map::new();
        out.insert("attributes".to_owned(), Value::Object(attributes));
        let mut targets = Vec::new();
        for target in &mesh.morph_targets {
            let mut value = Map::new();
            let vectors = [
                ("POSITION", &target.positions),
                ("NORMAL", &target.normals),
                ("TANGENT", &target.tangents),
            ];
            for (semantic, vectors) in vectors
                .into_iter()
                .filter(|(_, vectors)| !vectors.is_empty())
            {
                let accessor = match (semantic, grid) {
                    ("POSITION", Some(grid)) => self.grid_displacements(grid, vectors, by)?,
                    _ => self
                        .binary
                        .floats(vectors, VEC3, semantic == "POSITION", || {
                            format!("a morph target of {by}")
                        })?,
                };
                value.insert(semantic.to_owned(), json!(accessor));
            }
            if value.is_empty() {
                // A target must say something: no vertex moves.
                let still = vec![[0.0; 3]; mesh.positions.len()];
                let accessor = self
                    .binary
                    .floats(&still, VEC3, true, || format!("a morph target of {by}"))?;
                value.insert("POSITION".to_owned(), json!(accessor));
            }
            targets.push(Value::Object(value));
        }
        list(&mut out, "targets", targets);
        // Each vertex once, in order, is what no indices mean.
        let counted = mesh.indices.len() == mesh.positions.len()
            && mesh
                .indices
                .iter()
                .zip(0u32..)
                .all(|(index, place)| *index == place);
        if !counted {
            out.insert("indices".to_owned(), json!(self.indices(mesh, by)?));
        }
        match mesh.topology {
            Topology::Points => out.insert("mode".to_owned(), json!(0)),
            Topology::Lines => out.insert("mode".to_owned(), json!(1)),
            Topology::Triangles => None,
        };
        Ok(Some(out))
    }

    fn indices(&mut self, mesh: &Mesh, by: &str) -> Result<usize, WriteError> {
        // The largest number of a type would restart strips; it is no index.
        let wide = mesh.positions.len() > usize::from(u16::MAX);
        let component = if wide { Component::U32 } else { Component::U16 };
        let layout = Layout {
            component,
            shape: "SCALAR",
            normalized: false,
            usage: Use::Indices,
        };
        let bytes: Vec<u8> = match wide {
            true => mesh
                .indices
                .iter()
                .flat_map(|index| index.to_le_bytes())
                .collect(),
            false => mesh
                .indices
                .iter()
                .flat_map(|index| (*index as u16).to_le_bytes())
                .collect(),
        };
        self.binary
            .accessor(&bytes, mesh.indices.len(), layout, None, || by.to_owned())
    }

    fn joints(&mut self, joints: &[[u16; 4]], by: &str) -> Result<usize, WriteError> {
        let flat = joints.as_flattened();
        let narrow = flat.iter().all(|joint| *joint <= 255);
        let component = if narrow {
            Component::U8
        } else {
            Component::U16
        };
        let layout = Layout {
            component,
            shape: "VEC4",
            normalized: false,
            usage: Use::Vertices,
        };
        let bytes: Vec<u8> = match narrow {
            true => flat.iter().map(|joint| *joint as u8).collect(),
            false => flat.iter().flat_map(|joint| joint.to_le_bytes()).collect(),
        };
        self.binary
            .accessor(&bytes, joints.len(), layout, None, || by.to_owned())
    }
}

const VEC2: Layout = Layout::floats("VEC2", Use::Vertices);
const VEC3: Layout = Layout::floats("VEC3", Use::Vertices);
const VEC4: Layout = Layout::floats("VEC4", Use::Vertices);
