//! Compressed textures and geometry, on one core.

use storm_assets::ktx2::Texture;
use storm_benches::{Case, Comparison};

use crate::files::{Files, sheet};

pub(crate) fn run(comparison: &mut Comparison, files: &Files) {
    textures(comparison, files);
    geometry(comparison);
}

fn textures(comparison: &mut Comparison, files: &Files) {
    let Some(shared) = &files.shared else {
        return;
    };
    if !comparison.wants("ktx2") {
        return;
    }
    let mut found = Vec::new();
    let mut open = vec![
        shared.join("gltf-transform"),
        shared.join("gltf-sample-assets"),
    ];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
        {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "ktx2") {
                found.push(path);
            }
        }
    }
    found.sort();
    // By the colour model in the data format descriptor: 163 is ETC1S, 166 is UASTC.
    for (name, model) in [("ktx2 ETC1S to RGBA8", 163), ("ktx2 UASTC to RGBA8", 166)] {
        let of_model = |bytes: &Vec<u8>| {
            bytes.get(48..52).is_some_and(|at| {
                let at = u32::from_le_bytes([at[0], at[1], at[2], at[3]]) as usize;
                bytes.get(at + 12) == Some(&model)
            })
        };
        let bytes: Vec<Vec<u8>> = found
            .iter()
            .filter_map(|path| std::fs::read(path).ok())
            .filter(of_model)
            .collect();
        let pixels = |bytes: &Vec<u8>| {
            Texture::parse(bytes).map_or(0, |texture| {
                u64::from(texture.width()) * u64::from(texture.height())
            })
        };
        let total: u64 = bytes.iter().map(pixels).sum();
        if total == 0 {
            comparison.absent(name, "no texture of this kind in the shared data");
            continue;
        }
        let mut case = Case::new(name, 1).bytes(total * 4);
        case.subject("storm", |timer| {
            for bytes in &bytes {
                timer.time(|| {
                    Texture::parse(bytes)
                        .and_then(|texture| texture.decode(0))
                        .is_ok()
                });
            }
        });
        comparison.run(case);
    }
}

/// Streams that meshoptimizer wrote, through its decoder and ours.
fn geometry(comparison: &mut Comparison) {
    if !comparison.wants("meshopt") {
        return;
    }
    let mesh = sheet(1000);
    let remapped = meshopt::optimize_vertex_cache(&mesh.indices, mesh.positions.len());
    let indices =
        meshopt::encode_index_buffer(&remapped, mesh.positions.len()).expect("indices are encoded");
    // Positions of 16 bits and normals of 8, as packed files have them.
    let vertices: Vec<[u16; 6]> = mesh
        .positions
        .iter()
        .zip(&mesh.normals)
        .map(|(p, n)| {
            let word = |value: f32| ((value + 1.0) * 5_000.0) as u16;
            let byte = |value: f32| u16::from((value * 127.0) as i8 as u8);
            [
                word(p[0]),
                word(p[1]),
                word(p[2]),
                0,
                byte(n[0]) | byte(n[1]) << 8,
                byte(n[2]),
            ]
        })
        .collect();
    let packed = meshopt::encode_vertex_buffer(&vertices).expect("vertices are encoded");

    let mut case = Case::new("meshopt vertices", 1).bytes(vertices.len() as u64 * 12);
    case.subject("storm", |timer| {
        timer
            .time(|| {
                let mut out = vec![0; vertices.len() * 12];
                storm_assets::meshopt::attributes(&packed, 12, &mut out).map(|()| out)
            })
            .expect("it is a stream");
    });
    case.subject("meshoptimizer", |timer| {
        timer.time(|| meshopt::decode_vertex_buffer::<[u16; 6]>(&packed, vertices.len()).is_ok());
    });
    comparison.run(case);

    let mut case = Case::new("meshopt triangles", 1).bytes(remapped.len() as u64 * 4);
    case.subject("storm", |timer| {
        timer
            .time(|| {
                let mut out = vec![0; remapped.len()];
                storm_assets::meshopt::triangles(&indices, &mut out).map(|()| out)
            })
            .expect("it is a stream");
    });
    case.subject("meshoptimizer", |timer| {
        timer.time(|| meshopt::decode_index_buffer::<u32>(&indices, remapped.len()).is_ok());
    });
    comparison.run(case);
}
