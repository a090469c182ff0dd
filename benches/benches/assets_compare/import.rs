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
    if comparison.wants("upload 1M vertices") {
        upload(comparison, &files.grid);
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

/// From the bytes of a file to a buffer that is there already, such as one that a GPU reads.
fn upload(comparison: &mut Comparison, bytes: &[u8]) {
    let mut buffer: Vec<u8> = vec![0; bytes.len()];
    let mut case = Case::new("upload 1M vertices", 1).bytes(bytes.len() as u64);
    let no_file = |_: gltf::Request<'_>| Err(std::io::Error::other("no file"));
    let mut of_storm = buffer.clone();
    case.subject("base memcpy", |timer| {
        timer.time(|| buffer.copy_from_slice(bytes));
    });
    case.subject("storm in place", |timer| {
        timer.time(|| {
            let file = gltf::Accessors::parse(bytes, &mut no_file.clone(), &LoadOptions::default())
                .expect("it is valid");
            let mut at = 0;
            for primitive in file.primitives() {
                let accessors = primitive
                    .attributes
                    .iter()
                    .map(|(_, index)| *index)
                    .chain(primitive.indices);
                for accessor in accessors {
                    let bytes = file
                        .get(accessor)
                        .and_then(|view| view.bytes)
                        .expect("it has bytes");
                    of_storm[at..at + bytes.len()].copy_from_slice(bytes);
                    at += bytes.len();
                }
            }
            at
        });
    });
    let mut of_peer = vec![0u8; bytes.len()];
    case.subject("gltf", |timer| {
        timer.time(|| {
            let (document, buffers, _) = ::gltf::import_slice(bytes).expect("it is valid");
            let mut out = of_peer.as_chunks_mut::<4>().0.iter_mut();
            let mut put = |value: u32| *out.next().expect("there is room") = value.to_le_bytes();
            for primitive in document
                .meshes()
                .flat_map(|mesh| mesh.primitives().collect::<Vec<_>>())
            {
                let reader =
                    primitive.reader(|buffer| buffers.get(buffer.index()).map(|data| &data.0[..]));
                reader
                    .read_positions()
                    .into_iter()
                    .flatten()
                    .flatten()
                    .for_each(|value| put(value.to_bits()));
                reader
                    .read_normals()
                    .into_iter()
                    .flatten()
                    .flatten()
                    .for_each(|value| put(value.to_bits()));
                let uvs = reader.read_tex_coords(0).map(|uvs| uvs.into_f32());
                uvs.into_iter()
                    .flatten()
                    .flatten()
                    .for_each(|value| put(value.to_bits()));
                let indices = reader.read_indices().map(|indices| indices.into_u32());
                indices.into_iter().flatten().for_each(&mut put);
            }
        });
    });
    case.target("storm in place", Some("gltf"), 1.0 / 3.0);
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
