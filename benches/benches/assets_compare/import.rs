//! From the bytes of a file to lists of vertices and indices.

use storm_assets::gltf::{self, LoadOptions};
use storm_benches::{Case, Comparison};

use crate::files::Files;

pub(crate) fn run(comparison: &mut Comparison, files: &Files) {
    if comparison.wants("import 1M vertices") {
        case(
            comparison,
            "import 1M vertices",
            1,
            std::slice::from_ref(&files.grid),
        );
    }
    if comparison.wants("import 10k meshes") {
        case(
            comparison,
            "import 10k meshes",
            1,
            std::slice::from_ref(&files.many),
        );
    }
    if comparison.wants("import shared models without pictures") {
        // Those that are one file and that both read.
        let bytes = files
            .models("gltf-sample-assets")
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "glb"));
        let bytes: Vec<Vec<u8>> = bytes
            .filter_map(|path| std::fs::read(path).ok())
            .filter(|bytes| {
                storm(bytes).is_some_and(|(pictures, _)| pictures == 0) && peer(bytes).is_some()
            })
            .collect();
        if !bytes.is_empty() {
            case(
                comparison,
                "import shared models without pictures",
                10,
                &bytes,
            );
        }
    }
}

fn case(comparison: &mut Comparison, name: &'static str, repeat: u32, files: &[Vec<u8>]) {
    for bytes in files {
        assert_eq!(
            storm(bytes).map(|(_, count)| count),
            peer(bytes),
            "both read the same"
        );
    }
    let mut case =
        Case::new(name, repeat).bytes(files.iter().map(|bytes| bytes.len() as u64).sum());
    let times = |timer: &mut storm_benches::Timer, read: fn(&[u8])| {
        for _ in 0..repeat {
            for bytes in files {
                timer.time(|| read(bytes));
            }
        }
    };
    case.subject("base memcpy", |timer| {
        times(timer, |bytes| drop(std::hint::black_box(bytes.to_vec())))
    });
    case.subject("storm", |timer| {
        times(timer, |bytes| {
            std::hint::black_box(storm(bytes));
        });
    });
    case.subject("gltf", |timer| {
        times(timer, |bytes| {
            std::hint::black_box(peer(bytes));
        });
    });
    case.target("storm", Some("gltf"), 1.0 / 3.0);
    comparison.run(case);
}

/// Pictures of the file, and vertices and indices as they come in the file.
fn storm(bytes: &[u8]) -> Option<(usize, usize)> {
    let no_file = &mut |_: gltf::Request<'_>| Err(std::io::Error::other("no file"));
    let file = gltf::parse(bytes, no_file, &LoadOptions::default()).ok()?;
    let primitives = file.meshes.iter().flat_map(|group| &group.primitives);
    Some((file.images.len(), primitives.count()))
}

/// What a program does with the `gltf` crate to have vertices and indices as lists.
fn peer(bytes: &[u8]) -> Option<usize> {
    let (document, buffers, _) = ::gltf::import_slice(bytes).ok()?;
    let mut primitives = 0;
    for primitive in document
        .meshes()
        .flat_map(|mesh| mesh.primitives().collect::<Vec<_>>())
    {
        let reader = primitive.reader(|buffer| buffers.get(buffer.index()).map(|data| &data.0[..]));
        let positions: Vec<[f32; 3]> = reader.read_positions()?.collect();
        let normals: Option<Vec<[f32; 3]>> = reader.read_normals().map(Iterator::collect);
        let tangents: Option<Vec<[f32; 4]>> = reader.read_tangents().map(Iterator::collect);
        let uvs: Vec<Vec<[f32; 2]>> = (0..)
            .map_while(|set| reader.read_tex_coords(set))
            .map(|uvs| uvs.into_f32().collect())
            .collect();
        let colors: Option<Vec<[f32; 4]>> = reader
            .read_colors(0)
            .map(|colors| colors.into_rgba_f32().collect());
        let joints: Option<Vec<[u16; 4]>> = reader
            .read_joints(0)
            .map(|joints| joints.into_u16().collect());
        let weights: Option<Vec<[f32; 4]>> = reader
            .read_weights(0)
            .map(|weights| weights.into_f32().collect());
        let indices: Option<Vec<u32>> = reader
            .read_indices()
            .map(|indices| indices.into_u32().collect());
        std::hint::black_box((
            positions, normals, tangents, uvs, colors, joints, weights, indices,
        ));
        primitives += 1;
    }
    Some(primitives)
}
