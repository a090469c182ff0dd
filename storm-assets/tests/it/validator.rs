//! The Khronos validator's own test files, against its reports: no file makes the reader panic, and where it differs from the validator is
//! written down here, file by file.

use std::{collections::BTreeSet, fs};

use storm_assets::gltf::{self, LoadOptions};

use super::{corpus, models::check};

/// Invalid by their report, read without a word. They have their fault in data that nothing uses, which the reader does not look at, or an
/// extension object in a place where it means nothing (`unexpected_extension`).
const READ_SILENTLY: &[&str] = &[
    "base/data/accessor_data/invalid_elements_float.gltf",
    "base/data/accessor_data/out_of_range_elements_float.gltf",
    "base/data/accessor_data/out_of_range_elements_sint16.gltf",
    "base/data/accessor_data/out_of_range_elements_uint16.gltf",
    "base/data/accessor_data/out_of_range_elements_uint32.gltf",
    "base/data/image/invalid_data_uri_mime_type.gltf",
    "base/data/image/png_eos.gltf",
    "base/data/mesh/accessor_attribute_uint32.gltf",
    "ext/EXT_texture_webp/data/image/undeclared_extension.gltf",
    "ext/EXT_texture_webp/data/texture/invalid_image_mime_type.gltf",
    "ext/EXT_texture_webp/data/texture/unexpected_extension.gltf",
    "ext/KHR_materials_anisotropy/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_dispersion/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_emissive_strength/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_ior/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_iridescence/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_transmission/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_unlit/data/material/unexpected_extension.gltf",
    "ext/KHR_materials_variants/data/primitive/unexpected_extension.gltf",
    "ext/KHR_materials_volume/data/material/unexpected_extension.gltf",
    "ext/KHR_mesh_quantization/data/primitive/unexpected_extension.gltf",
    "ext/KHR_node_visibility/data/node/unexpected_extension.gltf",
];

/// Valid by their report, refused: nothing could be shown, or what they say is not known.
const REFUSED: &[(&str, &str)] = &[
    (
        "base/data/accessor/unknown_type.gltf",
        r#"/accessors/0/type: expected SCALAR, VEC2, VEC3, VEC4, MAT2, MAT3 or MAT4, found "NotaVEC3""#,
    ),
    (
        "base/data/asset/min_version_valid.gltf",
        r#"/asset/minVersion: expected 2.0, the version that this reader knows, found "2.1""#,
    ),
    (
        "base/data/buffer/non_relative_uri.gltf",
        r#"/buffers/0/uri: URI "http://example.com/buffer.bin": only data: URIs and relative paths are followed, not "http""#,
    ),
    (
        "base/data/root/named_objects.gltf",
        r#"/bufferViews/1: expected buffer 0 to have bytes, found neither a URI nor a binary chunk"#,
    ),
    (
        "base/data/root/unused_objects.gltf",
        r#"/bufferViews/1: expected buffer 0 to have bytes, found neither a URI nor a binary chunk"#,
    ),
    (
        "ext/KHR_lights_punctual/data/light/unknown_type.gltf",
        r#"/extensions/KHR_lights_punctual/lights/0/type: expected directional, point or spot, found "spherical""#,
    ),
];

#[test]
fn the_validators_files_are_judged_as_written_down() {
    let Some(root) = corpus::assets("the_validators_files_are_judged_as_written_down") else {
        return;
    };
    let root = root.join("gltf-validator/test");
    let mut silent = BTreeSet::new();
    let mut refused = BTreeSet::new();
    let (mut both_refuse, mut both_read, mut noted) = (0, 0, 0);
    let paths = corpus::models(&root);
    for path in &paths {
        let name = corpus::name(&root, path);
        let report = fs::read(format!("{}.report.json", path.display())).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let valid = report["issues"]["numErrors"] == 0;
        match gltf::load(path, &LoadOptions::default()) {
            Ok(file) => {
                check(&name, &file);
                match (valid, file.warning_count) {
                    (true, _) => both_read += 1,
                    (false, 0) => {
                        silent.insert(name);
                    }
                    (false, _) => noted += 1,
                }
            }
            Err(error) => {
                let message = error.problem.to_string();
                assert!(!message.contains('\n'), "{name}: {message}");
                if valid {
                    refused.insert((name, message));
                } else {
                    both_refuse += 1;
                }
            }
        }
    }
    let expected: BTreeSet<_> = READ_SILENTLY
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(silent, expected);
    let expected: BTreeSet<_> = REFUSED
        .iter()
        .map(|(name, message)| ((*name).to_owned(), (*message).to_owned()))
        .collect();
    assert_eq!(refused, expected);
    assert_eq!(
        (paths.len(), both_refuse, both_read, noted),
        (254, 99, 83, 44)
    );
}
