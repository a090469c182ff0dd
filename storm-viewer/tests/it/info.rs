//! What `info` says, and what happens to its output.

use std::{fs::File, io::pipe};

use crate::harness::{Folder, Ran, squares};

#[test]
fn the_table_is_for_people() {
    let folder = Folder::new("info-table");
    squares(&folder);
    let text = &folder.run(&["info", "squares.gltf"]).ok().stdout.clone();
    for line in [
        "file         squares.gltf",
        "format       glTF 2.0 (gltf)",
        "made by      a test",
        "scenes       2, of which 0 is shown first",
        "nodes        4",
        "meshes       2 with 2 primitives",
        "triangles    4",
        "materials    2",
        "             #1 green",
        "cameras      2",
        "             #0 Front: perspective",
        "bounds       [-1.0, -0.5, 0.0] to [1.0, 0.5, 0.0]",
        "warnings     0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no '{line}' in:\n{text}"
        );
    }
}

#[test]
fn the_json_has_these_keys() {
    let folder = Folder::new("info-json");
    squares(&folder);
    let report = folder.run(&["info", "--json", "squares.gltf"]).json();
    let keys: Vec<_> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = [
        "file",
        "container",
        "version",
        "generator",
        "counts",
        "bytes",
        "scenes",
        "default_scene",
        "bounds",
        "meshes",
        "materials",
        "images",
        "skins",
        "animations",
        "cameras",
        "lights",
        "variants",
        "extensions",
        "warning_count",
        "warnings",
    ];
    expected.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, expected);
    for (pointer, value) in [
        ("/counts/nodes", 4.into()),
        ("/counts/meshes", 2.into()),
        ("/counts/primitives", 2.into()),
        ("/counts/triangles", 4.into()),
        ("/counts/textures", 0.into()),
        ("/cameras/1/name", "Back".into()),
        ("/cameras/1/projection", "perspective".into()),
        ("/scenes/1/name", "red".into()),
        ("/default_scene", 0.into()),
        ("/materials/0/name", "red".into()),
        ("/bounds/max/0", 1.0.into()),
        ("/warning_count", 0.into()),
    ] {
        assert_eq!(
            report.pointer(pointer),
            Some::<&serde_json::Value>(&value),
            "{pointer}"
        );
    }
}

#[test]
fn a_file_without_anything_visible_has_no_bounds() {
    let folder = Folder::new("info-empty");
    folder.write("nothing.gltf", r#"{ "asset": { "version": "2.0" } }"#);
    assert!(folder.run(&["info", "--json", "nothing.gltf"]).json()["bounds"].is_null());
    assert!(
        folder
            .run(&["info", "nothing.gltf"])
            .ok()
            .stdout
            .contains("nothing is visible")
    );
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
    let folder = Folder::new("info-pipe");
    squares(&folder);
    for arguments in [
        &["info", "squares.gltf"][..],
        &["info", "--json", "squares.gltf"],
        &["doctor"],
        &["--help"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let ran = Ran::new(
            folder.viewer(arguments).stdout(writer).output().unwrap(),
            arguments,
        );
        assert_eq!(ran.ok().stderr, "", "{arguments:?}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let arguments = ["info", "squares.gltf"];
    let ran = Ran::new(
        folder.viewer(&arguments).stdout(full).output().unwrap(),
        &arguments,
    );
    ran.failed(1, &["standard output: "]);
}

/// A mesh was looked through once for each of its instances: half a minute for these, and longer for larger files.
#[test]
fn a_mesh_with_many_instances_is_looked_through_once() {
    let folder = Folder::new("info-instances");
    let vertices = 300_000;
    let primitives = vec![r#"{"attributes":{"POSITION":0}}"#; 50_000].join(",");
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"nodes":[{{"mesh":0}}],"scenes":[{{"nodes":[0]}}],
        "meshes":[{{"primitives":[{primitives}]}}],
        "accessors":[{{"bufferView":0,"componentType":5126,"type":"VEC3","count":{vertices},"min":[0,0,0],"max":[1,0,0]}}],
        "bufferViews":[{{"buffer":0,"byteLength":{bytes}}}],"buffers":[{{"byteLength":{bytes},"uri":"many.bin"}}]}}"#,
        bytes = vertices * 12
    );
    folder.write("many.gltf", json);
    let mut bytes = vec![0u8; vertices * 12];
    bytes[12..16].copy_from_slice(&1f32.to_le_bytes());
    folder.write("many.bin", bytes);
    let report = folder.run(&["info", "--json", "many.gltf"]).json();
    assert_eq!(report["counts"]["primitives"], 50_000);
    assert_eq!(report["bounds"]["max"], serde_json::json!([1.0, 0.0, 0.0]));
}
