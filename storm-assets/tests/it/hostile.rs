//! Broken bytes: cut off, flipped, nested. Nothing panics, and what is read is well-formed.

use storm_assets::gltf;

use super::fixture::{TRIANGLE, base64, floats, glb, parse, refusal, triangle, triangle_bytes};
use super::models::check;

#[test]
fn a_glb_cut_off_anywhere_is_refused() {
    let whole = triangle();
    assert!(parse(&whole).is_ok());
    for length in 0..whole.len() {
        let error = parse(&whole[..length])
            .err()
            .unwrap_or_else(|| panic!("{length} bytes were read"));
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn a_glb_cut_off_with_its_length_put_right_is_refused_or_well_formed() {
    let whole = triangle();
    for length in 12..whole.len() {
        let mut cut = whole[..length].to_vec();
        cut[8..12].copy_from_slice(&(length as u32).to_le_bytes());
        if let Ok(file) = parse(&cut) {
            check(&format!("{length} bytes"), &file);
        }
    }
}

#[test]
fn json_cut_off_anywhere_is_refused() {
    let text = TRIANGLE.trim_end();
    for length in (0..text.len()).filter(|&length| text.is_char_boundary(length)) {
        assert!(parse(&text.as_bytes()[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn any_flipped_bit_is_refused_or_well_formed() {
    let whole = triangle();
    let mut read = 0;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            if let Ok(file) = parse(&flipped) {
                check(&format!("bit {bit} of byte {at}"), &file);
                read += 1;
            }
        }
    }
    // Names, colours and coordinates take any value; structure does not.
    assert!(read > 100 && read < whole.len() * 8 / 2, "{read}");
}

#[test]
fn any_digit_of_the_json_may_be_any_other() {
    for (at, _) in TRIANGLE
        .bytes()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit())
    {
        for digit in b'0'..=b'9' {
            let mut json = TRIANGLE.as_bytes().to_vec();
            json[at] = digit;
            if let Ok(file) = parse(&glb(std::str::from_utf8(&json).unwrap(), &triangle_bytes())) {
                check(&format!("{digit} at {at}"), &file);
            }
        }
    }
}

#[test]
fn any_value_of_the_json_may_be_of_any_type() {
    let document: serde_json::Value = serde_json::from_str(TRIANGLE).unwrap();
    let mut paths = Vec::new();
    fn walk(value: &serde_json::Value, path: String, paths: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    walk(value, format!("{path}/{key}"), paths);
                }
            }
            serde_json::Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    walk(value, format!("{path}/{index}"), paths);
                }
            }
            _ => {}
        }
        paths.push(path);
    }
    walk(&document, String::new(), &mut paths);
    let values = [
        "null",
        "true",
        "-1",
        "0",
        "1",
        "4294967295",
        "4294967296",
        "18446744073709551615",
        "1e300",
        "0.5",
        "\"\"",
        "[]",
        "{}",
        "[0]",
        "[[0]]",
    ];
    let mut refused = 0;
    for path in &paths {
        for value in values {
            let mut document = document.clone();
            *document.pointer_mut(path).unwrap() = serde_json::from_str(value).unwrap();
            match parse(&glb(&document.to_string(), &triangle_bytes())) {
                Ok(file) => check(&format!("{path} = {value}"), &file),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        refused > paths.len() * values.len() / 2,
        "{refused} of {}",
        paths.len() * values.len()
    );
}

#[test]
fn nesting_ends() {
    let deep = |n: usize| {
        format!(
            r#"{{"asset":{{"version":"2.0"}},"extras":{}{}}}"#,
            "[".repeat(n),
            "]".repeat(n)
        )
    };
    assert!(parse(deep(100).as_bytes()).is_ok());
    for n in [128, 1_000_000] {
        assert!(
            refusal(deep(n).as_bytes()).contains("recursion limit"),
            "{n}"
        );
    }
}

#[test]
fn deep_hierarchies_end() {
    let chain = |n: usize| {
        let nodes: String = (1..n)
            .map(|child| format!(r#"{{"children":[{child}]}},"#))
            .collect();
        format!(r#"{{"asset":{{"version":"2.0"}},"nodes":[{nodes}{{}}]}}"#)
    };
    let file = parse(chain(512).as_bytes()).unwrap();
    assert_eq!(file.world_matrices().len(), 512);
    assert_eq!(
        refusal(chain(513).as_bytes()),
        "/nodes: the depth of the node hierarchy would take 513, over the limit of 512"
    );
}

/// The reference code for MikkTSpace is quadratic on each of these; with 200,000 triangles the test would take hours.
#[test]
fn tangents_of_crafted_meshes_take_no_quadratic_time() {
    let n = 200_000u32;
    // All triangles at one point; all without area; all around one vertex; on a line with few distinct points.
    let vertex = |i: u32| [(i % 3) as f32, (i % 7) as f32, 0.0];
    let shapes: [Box<dyn Fn(u32) -> [f32; 3]>; 4] = [
        Box::new(|_| [0.0; 3]),
        Box::new(|i| [i as f32, 0.0, 0.0]),
        Box::new(move |i| {
            if i.is_multiple_of(3) {
                [0.0; 3]
            } else {
                [i as f32, (i % 1013) as f32, 0.0]
            }
        }),
        Box::new(vertex),
    ];
    for (index, shape) in shapes.iter().enumerate() {
        let positions: Vec<[f32; 3]> = (0..n * 3).map(shape).collect();
        let mut mesh = storm_assets::Mesh {
            normals: (0..n * 3)
                .map(|i| glam::Vec3::new((i as f32).sin(), (i as f32).cos(), 0.0).to_array())
                .collect(),
            uvs: vec![
                (0..n * 3)
                    .map(|i| [(i % 5) as f32, (i % 11) as f32])
                    .collect(),
            ],
            indices: (0..n * 3).collect(),
            positions,
            ..Default::default()
        };
        match mesh.generate_tangents(0) {
            Ok(()) => {
                assert_eq!(mesh.check(), Ok(()), "shape {index}");
                let unit = |[x, y, z, w]: &[f32; 4]| {
                    (glam::Vec3::new(*x, *y, *z).length() - 1.0).abs() < 0.01 && w.abs() == 1.0
                };
                assert!(mesh.tangents.iter().all(unit), "shape {index}");
            }
            Err(error) => assert!(
                error.to_string().contains("triangles at a point"),
                "shape {index}: {error}"
            ),
        }
    }
}

#[test]
fn coordinates_at_the_end_of_the_range_do_not_panic() {
    let extremes = [
        1e-10,
        -1e-20,
        1e15,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        1e-45,
        0.0,
        -0.0,
        1.0,
    ];
    for a in extremes {
        for b in extremes {
            let bytes = floats(&[
                a, b, 0.0, b, a, 1.0, 0.0, a, b, a, b, b, b, b, b, a, a, a, 0.0, a, b, 0.0, a, b,
            ]);
            let json = r#"{"asset":{"version":"2.0"},
                "meshes":[{"primitives":[{"attributes":{"POSITION":0,"NORMAL":1,"TEXCOORD_0":2},"material":0}]}],
                "materials":[{"normalTexture":{"index":0}}],"textures":[{"source":0}],"images":[{"bufferView":1}],
                "accessors":[
                    {"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"},
                    {"bufferView":0,"byteOffset":36,"componentType":5126,"count":3,"type":"VEC3"},
                    {"bufferView":0,"byteOffset":72,"componentType":5126,"count":3,"type":"VEC2"}],
                "bufferViews":[{"buffer":0,"byteLength":96},{"buffer":0,"byteOffset":96,"byteLength":PNG}],"buffers":[{"byteLength":TOTAL}]}"#;
            let png = super::geometry::one_pixel_png();
            let json = json
                .replace("PNG", &png.len().to_string())
                .replace("TOTAL", &(96 + png.len()).to_string());
            let file = parse(&glb(&json, &[bytes, png].concat())).unwrap();
            check(&format!("{a} and {b}"), &file);
        }
    }
}

/// Each extension of each node was looked for among all that the file declares: with these, for minutes.
#[test]
fn a_file_that_declares_many_extensions_is_validated_in_time() {
    let n = 200_000;
    let used: Vec<String> = (0..n).map(|i| format!(r#""EXT_{i}""#)).collect();
    let nodes: Vec<String> = (0..n / 2)
        .map(|i| format!(r#"{{"extensions":{{"EXT_{}":{{}}}}}}"#, n - 1 - i))
        .collect();
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"extensionsUsed":[{}],"nodes":[{}]}}"#,
        used.join(","),
        nodes.join(",")
    );
    let options = gltf::validate::ValidateOptions::default();
    let report = gltf::validate::validate(
        json.as_bytes(),
        &mut |_| unreachable!("it refers to no file"),
        &options,
    )
    .unwrap();
    assert_eq!(report.extensions_used.len(), n);
    assert!(
        report
            .issues
            .iter()
            .all(|issue| issue.code != "UNDECLARED_EXTENSION")
    );
}

/// Each node had its own list of the joints of its skin: as many entities as nodes times joints, hundreds of megabytes here.
#[test]
fn nodes_with_one_skin_share_its_joints() {
    // Joint 0 for everyone, with a weight of 1.
    let numbers = [[0.0; 4]; 3].concat();
    let weights = [[1.0, 0.0, 0.0, 0.0]; 3].concat();
    let data = base64(&floats(&[numbers, weights].concat()));
    let n = 2_000;
    let nodes = vec![r#"{"mesh":0,"skin":0}"#; n].join(",");
    let joints: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"nodes":[{nodes}],"skins":[{{"joints":[{}]}}],
        "meshes":[{{"primitives":[{{"attributes":{{"POSITION":0,"JOINTS_0":1,"WEIGHTS_0":2}}}}]}}],
        "accessors":[{{"bufferView":0,"componentType":5126,"type":"VEC3","count":3}},
            {{"bufferView":0,"componentType":5121,"type":"VEC4","count":3}},{{"bufferView":1,"componentType":5126,"type":"VEC4","count":3}}],
        "bufferViews":[{{"buffer":0,"byteLength":36}},{{"buffer":0,"byteOffset":48,"byteLength":48}}],
        "buffers":[{{"byteLength":96,"uri":"data:application/octet-stream;base64,{data}"}}]}}"#,
        joints.join(",")
    );
    let file = parse(json.as_bytes()).unwrap();
    let mut world = storm_ecs::World::new();
    let spawned = file.spawn(&mut world, None);
    assert_eq!(spawned.drawn.len(), n);
    let joints = |entity| &world.get::<storm_assets::Skinned>(entity).unwrap().joints;
    let first = joints(spawned.drawn[0]);
    assert_eq!(first.len(), n);
    assert!(
        spawned
            .drawn
            .iter()
            .all(|drawn| std::ptr::eq(&raw const **joints(*drawn), &raw const **first))
    );
}

/// A grid was looked for among all nodes, and a geometry put on a grid, for each mesh: hours for these, and a file of gigabytes.
#[test]
fn quantising_meshes_that_share_a_geometry_takes_no_quadratic_time() {
    use gltf::WriteOptions;

    let vertices = 300_000;
    let n = 30_000;
    // One large geometry in all meshes; a small one of its own beside it, which would give each another grid.
    let mut positions = vec![[0.0, 0.0, 0.0]; vertices];
    positions[1] = [1.0, 0.0, 0.0];
    let file = |own: bool| {
        use storm_assets::{Handle, Material, Mesh};
        let mut file = gltf::Gltf::default();
        let material = Handle::<Material>::of("test", "material");
        file.library.materials.insert(material, Material::default());
        let mut shape = |name: &str, positions: Vec<[f32; 3]>| {
            let handle = Handle::<Mesh>::of("test", name);
            let mesh = Mesh {
                normals: vec![[0.0, 0.0, 1.0]; positions.len()],
                indices: vec![0, 1, 2],
                positions,
                ..Mesh::default()
            };
            file.library.meshes.insert(handle, mesh);
            handle
        };
        let large = shape("large", positions.clone());
        let small: Vec<_> = (0..n * usize::from(own))
            .map(|i| shape(&format!("small/{i}"), vec![[2.0 + i as f32, 0.0, 0.0]; 3]))
            .collect();
        let primitive = |index, mesh| gltf::Primitive {
            index,
            mesh,
            material,
        };
        file.meshes = (0..n)
            .map(|i| gltf::MeshGroup {
                primitives: [Some(large), small.get(i).copied()]
                    .into_iter()
                    .flatten()
                    .enumerate()
                    .map(|(index, mesh)| primitive(index, mesh))
                    .collect(),
                ..gltf::MeshGroup::default()
            })
            .collect();
        file.nodes = (0..n)
            .map(|mesh| gltf::Node {
                mesh: Some(mesh),
                ..gltf::Node::default()
            })
            .collect();
        file
    };
    for (own, bytes_max) in [(false, 12 << 20), (true, 40 << 20)] {
        let options = WriteOptions::default().with_quantize(true);
        let written = file(own).to_glb(&options).unwrap();
        assert!(written.bytes.len() < bytes_max, "{}", written.bytes.len());
    }
}
