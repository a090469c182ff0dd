//! Vertex attributes on their way from a file to a picture: tangents that are made for the normal map's own UV set, and colours.

use image::RgbaImage;
use serde_json::{Value, json};

use crate::harness::Folder;

/// A square facing +Z with these attributes beside its positions, each four of the given components.
fn square(folder: &Folder, name: &str, attributes: &[(&str, &str, Vec<f32>)], material: Value) {
    let corners = [
        -1.0_f32, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0, 1.0, 0.0, -1.0, 1.0, 0.0,
    ];
    let mut bytes: Vec<u8> = corners.iter().flat_map(|c| c.to_le_bytes()).collect();
    let mut views = vec![json!({ "buffer": 0, "byteLength": bytes.len() })];
    let mut accessors = vec![json!({
        "bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3",
        "min": [-1, -1, 0], "max": [1, 1, 0]
    })];
    let mut named = json!({ "POSITION": 0 });
    for (attribute, kind, numbers) in attributes {
        let start = bytes.len();
        let small = kind.ends_with("u8");
        if small {
            // Each vertex is padded to four bytes.
            let width = numbers.len() / 4;
            for vertex in numbers.chunks(width) {
                bytes.extend(vertex.iter().map(|c| (c * 255.0).round() as u8));
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
        } else {
            bytes.extend(numbers.iter().flat_map(|c| c.to_le_bytes()));
        }
        let mut view =
            json!({ "buffer": 0, "byteOffset": start, "byteLength": bytes.len() - start });
        if small {
            view["byteStride"] = json!(4);
        }
        named[*attribute] = json!(accessors.len());
        let (kind, component) = kind.split_once(' ').unwrap();
        let component = if component == "u8" { 5121 } else { 5126 };
        accessors.push(json!({
            "bufferView": views.len(), "componentType": component, "count": 4, "type": kind, "normalized": small
        }));
        views.push(view);
    }
    let start = bytes.len();
    bytes.extend([0_u16, 1, 2, 0, 2, 3].iter().flat_map(|i| i.to_le_bytes()));
    let indices = accessors.len();
    accessors.push(
        json!({ "bufferView": views.len(), "componentType": 5123, "count": 6, "type": "SCALAR" }),
    );
    views.push(json!({ "buffer": 0, "byteOffset": start, "byteLength": 12 }));
    let file = json!({
        "asset": { "version": "2.0" },
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [{ "attributes": named, "indices": indices, "material": 0 }] }],
        "materials": [material],
        "textures": [{ "source": 0 }],
        "images": [{ "uri": "normals.png" }],
        "buffers": [{ "uri": format!("{name}.bin"), "byteLength": bytes.len() }],
        "bufferViews": views,
        "accessors": accessors
    });
    folder.write(&format!("{name}.bin"), bytes);
    folder.write(&format!("{name}.gltf"), file.to_string());
}

fn picture(folder: &Folder, name: &str) -> RgbaImage {
    let file = format!("{name}.gltf");
    let words = [
        "render",
        &file,
        "-o",
        "out.png",
        "--size",
        "64x64",
        "--camera",
        "1,1,3/0,0,0",
    ];
    folder.run(&words).ok();
    folder.picture("out.png")
}

const UPRIGHT: [f32; 8] = [0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
/// A quarter turn and mirrored.
const TURNED: [f32; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];

#[test]
fn tangents_belong_to_the_normal_maps_uv_set() {
    let folder = Folder::new("tangents");
    // Leans to the right on the left half, and up on the right half.
    let lean = RgbaImage::from_fn(16, 16, |x, _| {
        image::Rgba(if x < 8 {
            [218, 128, 218, 255]
        } else {
            [128, 218, 218, 255]
        })
    });
    lean.save(folder.path("normals.png")).unwrap();
    let material = |set: u32| {
        json!({
            "normalTexture": { "index": 0, "texCoord": set },
            "pbrMetallicRoughness": { "metallicFactor": 0, "roughnessFactor": 0.4 }
        })
    };
    let uv = |name, set: [f32; 8]| (name, "VEC2 f32", set.to_vec());
    square(&folder, "first", &[uv("TEXCOORD_0", TURNED)], material(0));
    square(&folder, "plain", &[uv("TEXCOORD_0", UPRIGHT)], material(0));
    let second = [uv("TEXCOORD_0", UPRIGHT), uv("TEXCOORD_1", TURNED)];
    square(&folder, "second", &second, material(1));
    let fourth = [
        uv("TEXCOORD_0", UPRIGHT),
        uv("TEXCOORD_1", UPRIGHT),
        uv("TEXCOORD_2", UPRIGHT),
        uv("TEXCOORD_3", TURNED),
    ];
    square(&folder, "fourth", &fourth, material(3));
    let wanted = picture(&folder, "first");
    assert_ne!(wanted, picture(&folder, "plain"), "the turn shows");
    assert_eq!(wanted, picture(&folder, "second"));
    assert_eq!(wanted, picture(&folder, "fourth"));
}

/// The first set multiplies the base colour, in bytes or floats, with alpha or without; further sets are not looked at.
#[test]
fn the_first_vertex_colours_count() {
    let folder = Folder::new("colours");
    RgbaImage::new(1, 1)
        .save(folder.path("normals.png"))
        .unwrap();
    let material = json!({ "pbrMetallicRoughness": { "metallicFactor": 0, "baseColorFactor": [0.8, 0.8, 0.8, 1] } });
    let rgb = [
        1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.4, 0.4, 0.4_f32,
    ];
    let rgba: Vec<f32> = rgb
        .chunks(3)
        .flat_map(|c| [c[0], c[1], c[2], 1.0])
        .collect();
    let white = vec![1.0; 12];
    square(
        &folder,
        "rgb",
        &[("COLOR_0", "VEC3 f32", rgb.to_vec())],
        material.clone(),
    );
    square(
        &folder,
        "rgba",
        &[("COLOR_0", "VEC4 f32", rgba.clone())],
        material.clone(),
    );
    square(
        &folder,
        "bytes",
        &[("COLOR_0", "VEC3 u8", rgb.to_vec())],
        material.clone(),
    );
    square(
        &folder,
        "bytes4",
        &[("COLOR_0", "VEC4 u8", rgba)],
        material.clone(),
    );
    let two = [
        ("COLOR_0", "VEC3 f32", rgb.to_vec()),
        ("COLOR_1", "VEC3 f32", vec![0.0; 12]),
    ];
    square(&folder, "two", &two, material.clone());
    square(
        &folder,
        "white",
        &[("COLOR_0", "VEC3 f32", white)],
        material.clone(),
    );
    square(&folder, "none", &[], material);
    let wanted = picture(&folder, "rgb");
    for name in ["rgba", "bytes", "bytes4", "two"] {
        assert_eq!(wanted, picture(&folder, name), "{name}");
    }
    assert_eq!(picture(&folder, "white"), picture(&folder, "none"));
    let [r, g, b, _] = wanted.get_pixel(20, 46).0;
    assert!(
        r > 2 * g.max(b),
        "the lower left corner is red: {r} {g} {b}"
    );
    assert_ne!(wanted, picture(&folder, "none"));
}
