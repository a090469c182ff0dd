//! What `validate` says, and how it exits.

use crate::harness::{Folder, squares};

#[test]
fn a_good_file_is_valid_and_a_bad_one_fails_with_its_codes() {
    let folder = Folder::new("validate");
    squares(&folder);
    let good = folder
        .run(&["validate", "squares.gltf"])
        .ok()
        .stdout
        .clone();
    assert!(good.contains("0 errors"), "{good}");
    folder.write(
        "bad.gltf",
        r#"{"asset": {"version": "2.0"}, "nodes": [{"mesh": 3}], "scenes": [{"nodes": [0]}]}"#,
    );
    let bad = folder.run(&["validate", "bad.gltf"]);
    assert_eq!(bad.code, 1);
    assert!(
        bad.stdout
            .contains("error UNRESOLVED_REFERENCE /nodes/0/mesh: Unresolved reference: 3."),
        "{}",
        bad.stdout
    );
    assert_eq!(bad.stderr, "error: bad.gltf has 1 error(s)\n");
    let bad = folder.run(&["validate", "--json", "bad.gltf"]);
    let report: serde_json::Value = serde_json::from_str(&bad.stdout).unwrap();
    assert_eq!(report["issues"]["numErrors"], 1);
    assert_eq!(
        report["issues"]["messages"][0]["code"],
        "UNRESOLVED_REFERENCE"
    );
}

#[test]
fn a_file_over_a_limit_is_named() {
    let folder = Folder::new("validate-limit");
    let materials = vec!["{}"; 200_000].join(",");
    folder.write(
        "many.gltf",
        format!(r#"{{"asset":{{"version":"2.0"}},"materials":[{materials}]}}"#),
    );
    folder.run(&["validate", "many.gltf"]).failed(
        1,
        &["error: many.gltf: the values read so far in bytes would take "],
    );
}
