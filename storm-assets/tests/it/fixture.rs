//! Files made in memory.

use storm_assets::gltf::{self, Gltf, GltfError, LoadOptions};

/// A GLB of a JSON text and a binary chunk.
pub(crate) fn glb(json: &str, binary: &[u8]) -> Vec<u8> {
    let pad = |bytes: &[u8], with: u8| {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), with);
        bytes
    };
    let (json, binary) = (pad(json.as_bytes(), b' '), pad(binary, 0));
    let mut file = b"glTF\x02\0\0\0".to_vec();
    let length = 12
        + 8
        + json.len()
        + if binary.is_empty() {
            0
        } else {
            8 + binary.len()
        };
    file.extend((length as u32).to_le_bytes());
    file.extend((json.len() as u32).to_le_bytes());
    file.extend(b"JSON");
    file.extend(json);
    if !binary.is_empty() {
        file.extend((binary.len() as u32).to_le_bytes());
        file.extend(b"BIN\0");
        file.extend(binary);
    }
    file
}

/// The bytes of numbers, little-endian.
pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Base64 with padding, for data URIs.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            if digit <= chunk.len() {
                text.push(DIGITS[(word >> (18 - 6 * digit) & 63) as usize] as char);
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// Parses bytes that refer to no other file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Gltf, GltfError> {
    gltf::parse(
        bytes,
        &mut |request| Err(std::io::Error::other(format!("no file {}", request.uri))),
        &LoadOptions::default(),
    )
}

/// The message of the error that a file gets; panics if it is read.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    match parse(bytes) {
        Ok(_) => panic!("was read: {}", String::from_utf8_lossy(bytes)),
        Err(error) => error
            .to_string()
            .strip_prefix("memory: ")
            .unwrap()
            .to_owned(),
    }
}

/// One triangle: three positions, then three indices of two bytes, in 44 bytes.
pub(crate) const TRIANGLE: &str = r#"{
    "asset": {"version": "2.0"},
    "scene": 0,
    "scenes": [{"nodes": [0]}],
    "nodes": [{"mesh": 0, "name": "root", "translation": [1, 2, 3]}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
    "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0.5, 0, 1]}, "alphaMode": "MASK"}],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
        {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"}
    ],
    "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 6}],
    "buffers": [{"byteLength": 42}]
}"#;

/// The bytes of [`TRIANGLE`].
pub(crate) fn triangle_bytes() -> Vec<u8> {
    let mut bytes = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    bytes.extend([0, 0, 1, 0, 2, 0]);
    bytes
}

/// [`TRIANGLE`] as a GLB.
pub(crate) fn triangle() -> Vec<u8> {
    glb(TRIANGLE, &triangle_bytes())
}

/// [`TRIANGLE`] as a GLB, with `from` in its JSON replaced.
pub(crate) fn triangle_with(from: &str, to: &str) -> Vec<u8> {
    assert!(TRIANGLE.contains(from), "{from} is not in the fixture");
    glb(&TRIANGLE.replace(from, to), &triangle_bytes())
}
