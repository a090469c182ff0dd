//! Variants of materials: chosen by name, listed, and refused by name.

use crate::harness::{Folder, squares};

/// The two squares; at night the red one is green, and the green one has nothing to say.
fn model(folder: &Folder) {
    squares(folder);
    let text = std::fs::read_to_string(folder.path("squares.gltf")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["extensionsUsed"] = serde_json::json!(["KHR_materials_variants"]);
    json["extensions"] = serde_json::json!({
        "KHR_materials_variants": { "variants": [{ "name": "day" }, { "name": "night" }] }
    });
    json["meshes"][0]["primitives"][0]["extensions"] = serde_json::json!({
        "KHR_materials_variants": { "mappings": [
            { "material": 0, "variants": [0] }, { "material": 1, "variants": [1] }
        ] }
    });
    folder.write("variants.gltf", json.to_string());
}

/// Whether the left and the right square are green.
fn green(folder: &Folder, variant: &[&str]) -> [bool; 2] {
    let words = [
        "render",
        "variants.gltf",
        "-o",
        "out.png",
        "--size",
        "80x60",
        "--camera",
        "Front",
    ];
    folder.run(&[&words, variant].concat()).ok();
    let picture = folder.picture("out.png");
    [36, 44].map(|x| {
        let [r, g, _, _] = picture.get_pixel(x, 30).0;
        assert!(r.max(g) > 200 && r.min(g) < 100, "{r} {g}");
        g > r
    })
}

#[test]
fn a_variant_is_drawn_by_its_name() {
    let folder = Folder::new("variants");
    model(&folder);
    assert_eq!(green(&folder, &[]), [false, true]);
    assert_eq!(green(&folder, &["--variant", "day"]), [false, true]);
    assert_eq!(green(&folder, &["--variant", "night"]), [true, true]);
}

#[test]
fn variants_are_listed_and_their_materials_too() {
    let folder = Folder::new("variants-info");
    model(&folder);
    let report = folder.run(&["info", "variants.gltf", "--json"]).json();
    assert_eq!(
        report["variants"],
        serde_json::json!([{ "name": "day" }, { "name": "night" }])
    );
    assert_eq!(report["materials"].as_array().unwrap().len(), 2);
    let night = folder
        .run(&["info", "variants.gltf", "--json", "--variant", "night"])
        .json();
    let names: Vec<_> = night["materials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|material| material["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["green"]);
    let text = folder.run(&["info", "variants.gltf"]);
    assert!(text.ok().stdout.contains("#1 night"), "{}", text.stdout);
}

#[test]
fn a_wrong_name_is_refused_with_those_that_there_are() {
    let folder = Folder::new("variants-wrong");
    model(&folder);
    let wrong = ["variants.gltf: no variant 'noon'", "there are: day, night"];
    for command in [
        &[
            "render",
            "variants.gltf",
            "-o",
            "out.png",
            "--variant",
            "noon",
        ][..],
        &["info", "variants.gltf", "--variant", "noon"],
    ] {
        folder.run(command).failed(1, &wrong);
    }
    folder
        .run(&["info", "squares.gltf", "--variant", "noon"])
        .failed(1, &["squares.gltf", "its materials have none"]);
    assert!(!folder.path("out.png").exists());
}
