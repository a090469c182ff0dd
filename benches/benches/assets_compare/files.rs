//! The files that are read: made here, or shared.

use std::path::{Path, PathBuf};

use storm_assets::{
    Handle, Material, Mesh,
    gltf::{Gltf, MeshGroup, Node, Primitive, WriteOptions},
};

pub(crate) struct Files {
    /// One mesh of a million vertices and two million triangles: positions, normals, UVs, 32-bit indices.
    pub(crate) grid: Vec<u8>,
    /// Ten thousand nodes, meshes and materials of a few triangles each.
    pub(crate) many: Vec<u8>,
    /// The folder `assets` of the shared data.
    pub(crate) shared: Option<PathBuf>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let shared = std::env::var_os("STORM_TEST_DATA").filter(|data| !data.is_empty());
        Self {
            grid: grid(1000),
            many: many(10_000),
            shared: shared.map(|data| Path::new(&data).join("assets")),
        }
    }

    /// All shared models below a folder of the data, in path order.
    pub(crate) fn models(&self, set: &str) -> Vec<PathBuf> {
        let Some(shared) = &self.shared else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut open = vec![shared.join(set)];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|e| e == "gltf" || e == "glb") {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

/// A wavy sheet of `side` × `side` vertices.
pub(crate) fn sheet(side: u32) -> Mesh {
    let at = |x: u32, y: u32| (x as f32 * 0.01, y as f32 * 0.01);
    let vertices = (0..side).flat_map(|y| (0..side).map(move |x| at(x, y)));
    let corners = (0..side - 1).flat_map(|y| (0..side - 1).map(move |x| y * side + x));
    Mesh {
        positions: vertices
            .clone()
            .map(|(x, y)| [x, (x.sin() + y.cos()) * 0.3, y])
            .collect(),
        normals: vertices
            .clone()
            .map(|(x, y)| {
                let (dx, dy) = (x.cos() * 0.3, -y.sin() * 0.3);
                let length = (dx * dx + dy * dy + 1.0).sqrt();
                [-dx / length, 1.0 / length, -dy / length]
            })
            .collect(),
        uvs: vec![vertices.map(|(x, y)| [x * 0.1, y * 0.1]).collect()],
        indices: corners
            .flat_map(|i| [i, i + side, i + 1, i + 1, i + side, i + side + 1])
            .collect(),
        ..Mesh::default()
    }
}

fn file(meshes: impl Iterator<Item = Mesh>) -> Vec<u8> {
    let mut file = Gltf::default();
    for (index, mesh) in meshes.enumerate() {
        let (handle, material) = (
            Handle::of("bench", &format!("mesh {index}")),
            Handle::of("bench", &format!("material {index}")),
        );
        file.library.meshes.insert(handle, mesh);
        let colour = [(index % 256) as f32 / 255.0, 0.5, 0.25];
        file.library.materials.insert(
            material,
            Material::matte(&format!("material {index}"), colour, 0.5),
        );
        file.materials.push(material);
        let primitives = vec![Primitive {
            index: 0,
            mesh: handle,
            material,
        }];
        file.meshes.push(MeshGroup {
            name: format!("mesh {index}"),
            primitives,
            ..MeshGroup::default()
        });
        file.nodes.push(Node {
            name: format!("node {index}"),
            mesh: Some(index),
            ..Node::default()
        });
    }
    file.to_glb(&WriteOptions::default())
        .expect("it is well-formed")
        .bytes
}

fn grid(side: u32) -> Vec<u8> {
    file(std::iter::once(sheet(side)))
}

fn many(count: usize) -> Vec<u8> {
    file((0..count).map(|index| {
        let mut mesh = sheet(3);
        for position in &mut mesh.positions {
            position[1] += index as f32;
        }
        mesh
    }))
}
