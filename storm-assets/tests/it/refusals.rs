//! What is refused, and in which words: one row a rule.

use super::fixture::{glb, refusal, triangle, triangle_with};

#[test]
fn containers() {
    let whole = triangle();
    let with = |at: usize, bytes: &[u8]| {
        let mut file = whole.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let json_length = u32::from_le_bytes(whole[12..16].try_into().unwrap());
    let binary_at = 20 + json_length as usize;
    let cases = [
        (
            with(4, &[1, 0, 0, 0]),
            "GLB byte 4: expected version 2, found version 1",
        ),
        (
            whole[..8].to_vec(),
            "GLB byte 0: expected a header of 12 bytes, found 8 bytes",
        ),
        (
            with(8, &[12, 0, 0, 0]),
            "GLB byte 12: expected a JSON chunk, found the end of the file",
        ),
        (
            with(8, &[255, 255, 255, 255]),
            &format!(
                "GLB byte 8: expected a length within the file, found 4294967295 bytes in a file of {}",
                whole.len()
            ),
        ),
        (
            with(12, &[255, 255, 255, 255]),
            &format!(
                "GLB byte 12: expected a chunk that ends within the file, found 4294967295 bytes with {} left",
                whole.len() - 20
            ),
        ),
        (
            with(16, b"BIN\0"),
            "GLB byte 16: expected a JSON chunk first, found type 0x004e4942",
        ),
        (
            with(binary_at + 4, b"JSON"),
            &format!(
                "GLB byte {}: expected one JSON chunk, then at most one BIN chunk, found type 0x4e4f534a as chunk 1",
                binary_at + 4
            ),
        ),
        (
            with(binary_at, &[42, 0, 0, 0]),
            &format!(
                "GLB byte {binary_at}: expected a chunk length that is a multiple of 4, found 42"
            ),
        ),
        (with(0, b"GLTF"), "JSON line 1 column 1: expected value"),
        (
            Vec::new(),
            "JSON line 1 column 0: EOF while parsing a value",
        ),
        (
            b"\xef\xbb\xbf{}".to_vec(),
            "JSON line 1 column 1: glTF forbids the byte order mark",
        ),
        (
            b"{} x".to_vec(),
            "JSON line 1 column 4: trailing characters",
        ),
        (
            b"{\"a\":NaN}".to_vec(),
            "JSON line 1 column 6: expected value",
        ),
        (
            b"{\"a\":1e999}".to_vec(),
            "JSON line 1 column 10: number out of range",
        ),
        (
            b"{\"a\":\"\xff\"}".to_vec(),
            "JSON line 1 column 7: invalid unicode code point",
        ),
        (b"[]".to_vec(), "expected an object, found an array of 0"),
        (
            b"{}".to_vec(),
            "expected the property \"asset\", found nothing",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(refusal(&bytes), expected);
    }
}

#[test]
fn one_change_to_a_triangle() {
    let cases = [
        // The asset and its extensions.
        (
            r#""version": "2.0""#,
            r#""version": "1.0""#,
            r#"/asset/version: expected version 2.x, found "1.0""#,
        ),
        (
            r#""version": "2.0""#,
            r#""version": "2""#,
            r#"/asset/version: expected a version like "2.0", found "2""#,
        ),
        (
            r#""version": "2.0""#,
            r#""version": "2.0", "minVersion": "2.1""#,
            r#"/asset/minVersion: expected 2.0, the version that this reader knows, found "2.1""#,
        ),
        (
            r#""scene": 0,"#,
            r#""extensionsRequired": ["KHR_draco_mesh_compression"],"#,
            "requires the extension KHR_draco_mesh_compression, which is not supported",
        ),
        (
            r#""scene": 0,"#,
            r#""extensionsUsed": ["A", "A"],"#,
            "/extensionsUsed/1: expected each extension once, found it again",
        ),
        // Buffers and views.
        (
            r#"{"byteLength": 42}"#,
            r#"{"byteLength": 45}"#,
            "/buffers/0/byteLength: expected at most the 44 bytes there are, found 45",
        ),
        (
            r#"{"byteLength": 42}"#,
            r#"{"byteLength": 0}"#,
            "/buffers/0/byteLength: expected at least 1 byte, found 0",
        ),
        (
            r#"{"byteLength": 42}"#,
            r#"{}"#,
            r#"/buffers/0: expected the property "byteLength", found nothing"#,
        ),
        (
            r#"{"byteLength": 42}"#,
            r#"{"byteLength": 42, "byteLength": 42}"#,
            "/buffers/0/byteLength: expected one member of this name, found two",
        ),
        (
            r#"{"buffer": 0, "byteLength": 36}"#,
            r#"{"buffer": 1, "byteLength": 36}"#,
            "/bufferViews/0/buffer: expected the index of one of 1 buffers, found 1",
        ),
        (
            r#"{"buffer": 0, "byteLength": 36}"#,
            r#"{"buffer": 0, "byteLength": 43}"#,
            "/bufferViews/0: expected a range within the 42 bytes of buffer 0, found 0 to 43",
        ),
        (
            r#"{"buffer": 0, "byteLength": 36}"#,
            r#"{"buffer": 0, "byteOffset": 18446744073709551615, "byteLength": 36}"#,
            "/bufferViews/0/byteLength: expected a length that fits the address space, found 36",
        ),
        (
            r#"{"buffer": 0, "byteLength": 36}"#,
            r#"{"buffer": 0, "byteLength": 36, "byteStride": 0}"#,
            "/bufferViews/0/byteStride: expected a multiple of 4 from 4 to 252, found 0",
        ),
        (
            r#"{"buffer": 0, "byteLength": 36}"#,
            r#"{"buffer": 0, "byteLength": 36, "byteStride": 8}"#,
            "/accessors/0: expected elements that fit the stride of 8 bytes of buffer view 0, found 12 bytes",
        ),
        // Accessors.
        (
            r#""bufferView": 0"#,
            r#""bufferView": -1"#,
            "/accessors/0/bufferView: expected an integer of at least 0, found -1",
        ),
        (
            r#""bufferView": 0"#,
            r#""bufferView": 0.5"#,
            "/accessors/0/bufferView: expected an integer of at least 0, found 0.5",
        ),
        (
            r#""count": 3, "type": "VEC3""#,
            r#""count": 4, "type": "VEC3""#,
            "/accessors/0: expected a range within the 36 bytes of buffer view 0, found 4 elements of 12 bytes, 12 apart, from byte 0",
        ),
        (
            r#""count": 3, "type": "VEC3""#,
            r#""count": 18446744073709551615, "type": "VEC3""#,
            "/accessors/0: expected a range within the 36 bytes of buffer view 0, found 18446744073709551615 elements of 12 bytes, 12 apart, from byte 0",
        ),
        (
            r#""count": 3, "type": "VEC3""#,
            r#""byteOffset": 18446744073709551615, "count": 3, "type": "VEC3""#,
            "/accessors/0: expected a range within the 36 bytes of buffer view 0, found 3 elements of 12 bytes, 12 apart, from byte 18446744073709551615",
        ),
        (
            r#""count": 3, "type": "VEC3""#,
            r#""count": 0, "type": "VEC3""#,
            "/accessors/0/count: expected at least 1, found 0",
        ),
        (
            r#""componentType": 5126"#,
            r#""componentType": 5124"#,
            "/accessors/0/componentType: expected 5120, 5121, 5122, 5123, 5125 or 5126, found 5124",
        ),
        (
            r#""type": "VEC3""#,
            r#""type": "VEC5""#,
            r#"/accessors/0/type: expected SCALAR, VEC2, VEC3, VEC4, MAT2, MAT3 or MAT4, found "VEC5""#,
        ),
        (
            r#""type": "VEC3""#,
            r#""type": "VEC2""#,
            "/accessors/0/min: expected 2 numbers, one a component, found an array of 3",
        ),
        (
            r#""min": [0, 0, 0]"#,
            r#""min": [0, 0, 1e40]"#,
            "/accessors/0/min/2: expected a number that 32-bit floats can hold, found 10000000000000000000000000000000000000000",
        ),
        (
            r#""type": "VEC3""#,
            r#""type": "VEC3", "sparse": {"count": 4, "indices": {"bufferView": 1, "componentType": 5123}, "values": {"bufferView": 0}}"#,
            "/accessors/0/sparse/count: expected 1 to 3, the count of the accessor, found 4",
        ),
        (
            r#""type": "VEC3""#,
            r#""type": "VEC3", "sparse": {"count": 2, "indices": {"bufferView": 1, "componentType": 5123, "byteOffset": 3}, "values": {"bufferView": 0}}"#,
            "/accessors/0/sparse/indices: expected a range within the 6 bytes of buffer view 1, found 2 elements of 2 bytes, 2 apart, from byte 3",
        ),
        // Meshes.
        (
            r#""POSITION": 0"#,
            r#""POSITION": 1"#,
            "/accessors/1: expected VEC3 of float, found SCALAR of unsigned short",
        ),
        (
            r#""indices": 1"#,
            r#""indices": 0"#,
            "/accessors/0: expected SCALAR of unsigned byte, short or int for indices, found VEC3 of float",
        ),
        (
            r#""indices": 1"#,
            r#""mode": 7"#,
            "/meshes/0/primitives/0/mode: expected 0 to 6, found 7",
        ),
        (
            r#""POSITION": 0"#,
            r#""POSITION": 0, "TEXCOORD_1": 0"#,
            "/meshes/0/primitives/0/attributes/TEXCOORD_1: expected TEXCOORD_0 before any higher set, found TEXCOORD_1",
        ),
        (
            r#""POSITION": 0"#,
            r#""POSITION": 0, "JOINTS_0": 0"#,
            "/meshes/0/primitives/0/attributes: expected as many JOINTS_n as WEIGHTS_n, found 1 and 0",
        ),
        (
            r#""material": 0"#,
            r#""material": 1"#,
            "/meshes/0/primitives/0/material: expected the index of one of 1 materials, found 1",
        ),
        (
            r#"{"primitives": ["#,
            r#"{"weights": [1], "primitives": ["#,
            "/meshes/0/weights: expected 0 weights, one a morph target, found an array of 1",
        ),
        // Materials.
        (
            r#""MASK""#,
            r#""CUT""#,
            r#"/materials/0/alphaMode: expected OPAQUE, MASK or BLEND, found "CUT""#,
        ),
        (
            r#"[1, 0.5, 0, 1]"#,
            r#"[1, 0.5, 0]"#,
            "/materials/0/pbrMetallicRoughness/baseColorFactor: expected an array of 4 numbers, found an array of 3",
        ),
        // Nodes and scenes.
        (
            r#""mesh": 0"#,
            r#""mesh": 1"#,
            "/nodes/0/mesh: expected the index of one of 1 meshes, found 1",
        ),
        (
            r#""mesh": 0"#,
            r#""children": [0]"#,
            "/nodes/0: expected a node below a root, found a cycle of nodes",
        ),
        (
            r#"[{"mesh": 0"#,
            r#"[{"children": [2]}, {"children": [2]}, {"mesh": 0"#,
            "/nodes/1: expected children without another parent, found node 2, a child of node 0",
        ),
        (
            r#"[{"mesh": 0"#,
            r#"[{"children": [1, 1]}, {"mesh": 0"#,
            "/nodes/0/children/1: expected each index once, found 1 again",
        ),
        (
            r#"[{"mesh": 0"#,
            r#"[{"children": [1]}, {"children": [2]}, {"children": [1], "mesh": 0"#,
            "/nodes/2: expected children without another parent, found node 1, a child of node 0",
        ),
        (
            r#"{"nodes": [0]}"#,
            r#"{"nodes": [0, 0]}"#,
            "/scenes/0/nodes/1: expected each index once, found 0 again",
        ),
        (
            r#""scene": 0"#,
            r#""scene": 1"#,
            "/scene: expected the index of one of 1 scenes, found 1",
        ),
        (
            r#""translation": [1, 2, 3]"#,
            r#""rotation": [0, 0, 0, 0]"#,
            "/nodes/0/rotation: expected a unit quaternion, found [0.0, 0.0, 0.0, 0.0]",
        ),
        (
            r#""translation": [1, 2, 3]"#,
            r#""translation": [1, 2, 3], "matrix": [1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]"#,
            "/nodes/0: expected matrix or translation, rotation and scale, found both",
        ),
        (
            r#""translation": [1, 2, 3]"#,
            r#""matrix": [1,0,0,1,0,1,0,0,0,0,1,0,0,0,0,1]"#,
            "/nodes/0/matrix: expected an affine matrix, whose last row is 0 0 0 1, found another last row",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(refusal(&triangle_with(from, to)), expected, "{from} → {to}");
    }
}

/// A key of a megabyte, or one with line breaks, once went into the message whole.
#[test]
fn messages_stay_short_whatever_the_keys() {
    let key = "\\n".repeat(100_000);
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"meshes":[{{"primitives":[{{"attributes":{{"POSITION":0,"{key}":{{}}}}}}]}}],
        "accessors":[{{"componentType":5126,"count":3,"type":"VEC3"}}]}}"#
    );
    let message = refusal(json.as_bytes());
    assert!(message.len() < 500 && !message.contains('\n'), "{message}");
    let file = super::fixture::parse(json.replace("{}", "0").as_bytes()).unwrap();
    for warning in &file.warnings {
        let line = warning.to_string();
        assert!(line.len() < 1000 && !line.contains('\n'), "{line}");
    }
}

#[test]
fn scenes_name_roots() {
    let json =
        r#"{"asset":{"version":"2.0"},"nodes":[{"children":[1]},{}],"scenes":[{"nodes":[1]}]}"#;
    assert_eq!(
        refusal(json.as_bytes()),
        "/scenes/0/nodes: expected root nodes, found node 1, which has a parent"
    );
}

#[test]
fn data_behind_accessors() {
    let json = |accessors: &str, rest: &str| {
        format!(
            r#"{{"asset":{{"version":"2.0"}},{rest},"accessors":[{accessors}],
            "bufferViews":[{{"buffer":0,"byteLength":48}}],"buffers":[{{"byteLength":48}}]}}"#
        )
    };
    let mesh = r#""meshes":[{"primitives":[{"attributes":{"POSITION":0},"indices":1}]}]"#;
    let words = |values: [u32; 12]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let vec3 = r#"{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}"#;
    let clip = r#""nodes":[{}],"animations":[{"samplers":[{"input":0,"output":1}],"channels":[{"sampler":0,"target":{"node":0,"path":"scale"}}]}]"#;
    let times = r#"{"bufferView":0,"componentType":5126,"count":3,"type":"SCALAR"}"#;
    let nan = f32::NAN.to_bits();
    let (one, two) = (1f32.to_bits(), 2f32.to_bits());
    let cases = [
        (
            json(
                &format!(
                    r#"{vec3},{{"bufferView":0,"byteOffset":36,"componentType":5125,"count":3,"type":"SCALAR"}}"#
                ),
                mesh,
            ),
            words([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3]),
            "/accessors/1: expected indices below 3, the count of vertices, found 3 at 2",
        ),
        (
            json(&format!("{vec3},{vec3}"), mesh),
            words([0, 0, 0, 0, nan, 0, 0, 0, 0, 0, 0, 0]),
            "/accessors/0: expected finite numbers, found NaN in element 1",
        ),
        (
            json(&format!("{times},{vec3}"), clip),
            words([0, two, one, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "/accessors/0: expected times from 0 on that rise strictly, found 1 s at 2",
        ),
        (
            json(
                &format!(
                    r#"{times},{{"bufferView":0,"componentType":5126,"count":2,"type":"VEC3"}}"#
                ),
                clip,
            ),
            words([0, one, two, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "/accessors/1: expected 1 × 1 values for each of 3 keys, found 2",
        ),
        (
            json(
                r#"{"componentType":5126,"count":3,"type":"VEC3","sparse":{"count":2,
                    "indices":{"bufferView":0,"byteOffset":40,"componentType":5125},"values":{"bufferView":0}}}"#,
                r#""meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}]"#,
            ),
            words([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
            "/accessors/0/sparse: expected indices below 3 in rising order, found 1 at 1",
        ),
        (
            json(
                &format!(
                    r#"{vec3},{{"bufferView":0,"byteOffset":36,"componentType":5121,"count":3,"type":"VEC4"}},{{"componentType":5126,"count":3,"type":"VEC4",
                    "sparse":{{"count":1,"indices":{{"bufferView":0,"componentType":5121}},"values":{{"bufferView":0,"byteOffset":16}}}}}}"#
                ),
                r#""nodes":[{"mesh":0,"skin":0}],"skins":[{"joints":[0]}],
                   "meshes":[{"primitives":[{"attributes":{"POSITION":0,"JOINTS_0":1,"WEIGHTS_0":2}}]}]"#,
            ),
            words([0, 0, 0, 0, one, 0, 0, 0, 0, 0x0000_0007, 0, 0]),
            "/nodes/0: expected a mesh that uses the 1 joints of its skin, found joint 7 in /meshes/0",
        ),
    ];
    for (json, bytes, expected) in cases {
        assert_eq!(refusal(&glb(&json, &bytes)), expected);
    }
}

#[test]
fn uris() {
    let with = |uri: &str| {
        format!(r#"{{"asset":{{"version":"2.0"}},"buffers":[{{"byteLength":1,"uri":"{uri}"}}]}}"#)
    };
    let cases = [
        (
            "http://example.org/a.bin",
            r#"URI "http://example.org/a.bin": only data: URIs and relative paths are followed, not "http""#,
        ),
        (
            "file:///etc/passwd",
            r#"URI "file:///etc/passwd": only data: URIs and relative paths are followed, not "file""#,
        ),
        (
            "/etc/passwd",
            r#"URI "/etc/passwd": is an absolute path; only paths relative to the file are followed"#,
        ),
        (
            "../a.bin",
            r#"URI "../a.bin": leaves the folder of the file"#,
        ),
        (
            "%2e%2e%2fa.bin",
            r#"URI "%2e%2e%2fa.bin": leaves the folder of the file"#,
        ),
        ("a.bin", r#""a.bin" cannot be read: no file a.bin"#),
        (
            "data:;base64,A*",
            r#"URI "data:;base64,A*": is not base64: Invalid symbol 42, offset 1."#,
        ),
        (
            "data:;base64,",
            "/buffers/0/byteLength: expected at most the 0 bytes there are, found 1",
        ),
    ];
    for (uri, expected) in cases {
        let found = refusal(with(uri).as_bytes());
        assert_eq!(
            found.strip_prefix("/buffers/0/uri: ").unwrap_or(&found),
            expected
        );
    }
}

#[test]
fn pictures() {
    let with = |bytes: &[u8]| {
        let json = format!(
            r#"{{"asset":{{"version":"2.0"}},"materials":[{{"emissiveTexture":{{"index":0}}}}],"textures":[{{"source":0}}],
            "images":[{{"bufferView":0}}],"bufferViews":[{{"buffer":0,"byteLength":{0}}}],"buffers":[{{"byteLength":{0}}}]}}"#,
            bytes.len()
        );
        glb(&json, bytes)
    };
    let png = super::geometry::one_pixel_png();
    assert!(super::fixture::parse(&with(&png)).is_ok());
    for length in 8..png.len() - 12 {
        let message = refusal(&with(&png[..length]));
        assert!(
            message.starts_with("/images/0: cannot be decoded: "),
            "{length}: {message}"
        );
    }
    let huge = {
        let mut png = png.clone();
        png[16..20].copy_from_slice(&20_000u32.to_be_bytes());
        png
    };
    assert!(refusal(&with(&huge)).starts_with("/images/0: cannot be decoded: "));
    assert_eq!(
        refusal(&with(b"GIF89a")),
        "/images/0: expected a PNG, JPEG, WebP or KTX 2.0 image, found GIF"
    );

    assert_eq!(
        refusal(&with(b"\xabKTX 20\xbb\r\n\x1a\n")),
        "/images/0: expected a header within the 12 bytes of the file, found 80 bytes from 0"
    );
    assert!(refusal(&with(b"RIFF\x04\0\0\0WEBP")).starts_with("/images/0: cannot be decoded: "));
    let file = super::fixture::parse(&with(b"DDS anything")).unwrap();
    assert_eq!(
        file.warnings[0].to_string(),
        "/images/0: is a picture for MSFT_texture_dds, which is not supported; left out"
    );
    assert!(
        file.library
            .materials
            .iter()
            .all(|(_, material)| material.textures().next().is_none())
    );
}
