//! Numbers where they lie: the same as those that are copied, or none.

use storm_assets::gltf::{self, Accessors, Component, LoadOptions, Shape};

use super::{corpus, fixture};

fn open(bytes: &[u8]) -> Accessors<'_> {
    Accessors::parse(
        bytes,
        &mut |_| panic!("it refers to no file"),
        &LoadOptions::default(),
    )
    .unwrap()
}

#[test]
fn numbers_of_a_glb_are_in_the_file_itself() {
    let bytes = fixture::triangle();
    let file = open(&bytes);
    let primitive = &file.primitives()[0];
    assert_eq!(
        (primitive.mesh, primitive.primitive, primitive.is_list),
        (0, 0, true)
    );
    let positions = file.get(primitive.attribute("POSITION").unwrap()).unwrap();
    let slice = positions.slice::<[f32; 3]>().unwrap();
    assert_eq!(slice, [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    let within = bytes.as_ptr_range();
    assert!(within.contains(&slice.as_ptr().cast()), "no copy");
    let indices = file.get(primitive.indices.unwrap()).unwrap();
    assert_eq!(
        (indices.component, indices.shape, indices.stride),
        (Component::U16, Shape::Scalar, 2)
    );
    assert_eq!(indices.slice::<u16>().unwrap(), [0, 1, 2]);
    assert!(indices.slice::<u32>().is_none(), "another size");
    assert!(file.get(2).is_none() && file.len() == 2 && !file.is_empty());
}

#[test]
fn what_does_not_lie_as_values_is_not_given_as_values() {
    let with = |from: &str, to: &str| {
        let bytes = fixture::triangle_with(from, to);
        let file = open(&bytes);
        let positions = file.get(0).unwrap();
        (
            positions.slice::<[f32; 3]>().is_some(),
            positions.bytes.map(<[u8]>::len),
            positions.stride,
        )
    };
    assert_eq!(with("1, 2, 3", "1, 2, 3"), (true, Some(36), 12));
    // Two of them, twice as far apart.
    let wide = (
        r#"{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]}"#,
        r#"{"bufferView": 0, "componentType": 5126, "count": 1, "type": "VEC3"}"#,
    );
    assert_eq!(with(wide.0, wide.1), (true, Some(12), 12));
    let strided = (
        r#""byteLength": 36}"#,
        r#""byteLength": 36, "byteStride": 16}"#,
    );
    let bytes = fixture::glb(
        &fixture::TRIANGLE
            .replace(wide.0, &wide.1.replace(r#""count": 1"#, r#""count": 2"#))
            .replace(strided.0, strided.1),
        &fixture::triangle_bytes(),
    );
    let file = open(&bytes);
    let positions = file.get(0).unwrap();
    assert!(positions.slice::<[f32; 3]>().is_none() && positions.slice::<[f32; 4]>().is_none());
    assert_eq!((positions.stride, positions.bytes.unwrap().len()), (16, 28));
    let none = open(br#"{"asset": {"version": "2.0"}, "accessors": [{"componentType": 5126, "count": 9, "type": "MAT4"}]}"#);
    let zeros = none.get(0).unwrap();
    assert!(zeros.bytes.is_none() && zeros.slice::<[f32; 16]>().is_none());
    assert_eq!((zeros.stride, zeros.count), (64, 9));
}

#[test]
fn models_give_the_same_positions_with_and_without_a_copy() {
    let Some(root) = corpus::assets("models_give_the_same_positions_with_and_without_a_copy")
    else {
        return;
    };
    let (mut same, mut copied) = (0, 0);
    for path in corpus::models(&root.join("gltf-sample-assets")) {
        let (Ok(read), Ok(bytes)) = (
            gltf::load(&path, &LoadOptions::default()),
            std::fs::read(&path),
        ) else {
            continue;
        };
        let folder = path.parent().unwrap();
        let mut beside = |request: gltf::Request<'_>| {
            std::fs::read(folder.join(request.uri.replace("%20", " ")))
        };
        let file = Accessors::parse(&bytes, &mut beside, &LoadOptions::default()).unwrap();
        for primitive in file.primitives() {
            let Some(positions) = primitive
                .attribute("POSITION")
                .and_then(|index| file.get(index))
            else {
                continue;
            };
            let own = read.meshes[primitive.mesh]
                .primitives
                .iter()
                .find(|own| own.index == primitive.primitive)
                .unwrap();
            let mesh = read.library.meshes.get(own.mesh).unwrap();
            match positions.slice::<[f32; 3]>() {
                // Flat normals and tangents split vertices.
                Some(slice) if mesh.positions.len() == slice.len() => {
                    assert_eq!(slice, mesh.positions, "{}", path.display());
                    same += 1;
                }
                _ => copied += 1,
            }
        }
    }
    assert!(same > 150 && copied > 5, "{same} and {copied}");
}
