//! Replaying a camera path: the figures, the picture, and what is refused.

use std::fs;

use crate::harness::{Folder, squares};

const SMALL: [&str; 9] = [
    "bench",
    "--triangles",
    "20K",
    "--instances",
    "9",
    "--size",
    "96x54",
    "--frames",
    "3",
];

const PATH: &str = r#"{"keys": [{"eye": [0, 3, 9], "target": [0, 0, 0]}, {"eye": [3, 2, 4], "target": [0, 0, 0]}]}"#;

#[test]
fn a_run_writes_its_figures_and_a_chart_and_draws_the_same_each_time() {
    let folder = Folder::new("bench");
    folder.write("path.json", PATH);
    for name in ["a", "b"] {
        let (json, png) = (format!("{name}.json"), format!("{name}.png"));
        let more = [
            "--camera-path",
            "path.json",
            "--out",
            &json,
            "--picture",
            &png,
        ];
        folder.run(&[&SMALL[..], &more].concat()).ok();
    }
    assert_eq!(folder.picture("a.png"), folder.picture("b.png"));
    let text = fs::read_to_string(folder.path("a.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let source = report["source_triangles"].as_u64().unwrap();
    assert!((18_000..22_000).contains(&source), "{source}");
    assert_eq!(report["instances"], 9);
    assert_eq!(report["width"], 96);
    let frames = report["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 3);
    assert!(
        frames
            .iter()
            .all(|frame| frame["ms"].as_f64().unwrap() > 0.0)
    );
    assert!(report["frame_ms_median"].as_f64().unwrap() > 0.0);
    let passes = report["passes"].as_array().unwrap();
    assert!(
        passes.iter().any(|pass| pass["name"] == "tone map"),
        "{passes:?}"
    );
    let chart = fs::read_to_string(folder.path("a.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("tone map"));
}

#[test]
fn clusters_draw_what_full_detail_does_and_stream_within_a_budget() {
    let folder = Folder::new("bench-clusters");
    folder.write("path.json", PATH);
    fs::create_dir(folder.path("cache")).unwrap();
    let run = |name: &str, more: &[&str]| {
        let (json, png) = (format!("{name}.json"), format!("{name}.png"));
        let out = [
            "--camera-path",
            "path.json",
            "--out",
            &json,
            "--picture",
            &png,
        ];
        let scene = [
            "bench",
            "--triangles",
            "600K",
            "--instances",
            "4",
            "--size",
            "192x108",
        ];
        let frames = ["--frames", "3", "--warm-up", "12"];
        folder.run(&[&scene[..], &frames, &out, more].concat()).ok();
        let text = fs::read_to_string(folder.path(&json)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let full = run("full", &["--full-detail"]);
    let clusters = run("clusters", &[]);
    let budget = ["--cache", "cache", "--budget", "600K"];
    let streamed = run("streamed", &budget);
    assert_eq!(full["detail"], "full detail");
    for report in [&clusters, &streamed] {
        assert_eq!(report["detail"], "clusters");
        assert_eq!(report["source_triangles"], full["source_triangles"]);
        let drawn = report["triangles_drawn_median"].as_u64().unwrap();
        assert!((1_000..300_000).contains(&drawn), "{drawn}");
    }
    assert!(clusters["page_bytes"].as_u64().unwrap() > 1_000_000);
    assert_eq!(streamed["budget_bytes"], 600_000);
    for frame in streamed["frames"].as_array().unwrap() {
        assert!(
            frame["bytes_resident"].as_u64().unwrap() <= 600_000,
            "{frame}"
        );
    }
    // Shapes of rough stone with many triangles a pixel: what a pixel happens to hit differs, the shapes do not.
    let apart = |a: &str, b: &str| {
        let (a, b) = (folder.picture(a), folder.picture(b));
        let off = a.as_raw().iter().zip(b.as_raw());
        let off: u64 = off.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        off as f64 / a.as_raw().len() as f64
    };
    for name in ["clusters.png", "streamed.png"] {
        let off = apart("full.png", name);
        assert!(off < 4.0, "{name}: {off} of 255");
    }
    assert_eq!(fs::read_dir(folder.path("cache")).unwrap().count(), 1);
    // The files are taken as they are.
    let again = run("again", &budget);
    assert_eq!(again["detail"], "clusters");
    assert_eq!(fs::read_dir(folder.path("cache")).unwrap().count(), 1);
}

#[test]
fn a_model_goes_along_a_path_of_its_own_and_figures_go_to_standard_output() {
    let folder = Folder::new("bench-model");
    squares(&folder);
    let report = folder
        .run(&["bench", "squares.gltf", "--frames", "2", "--size", "64x36"])
        .json();
    assert_eq!(report["scene"], "squares.gltf");
    assert_eq!(report["source_triangles"], 4);
    assert_eq!(report["frames"].as_array().unwrap().len(), 2);
    assert_eq!(folder.names(), ["squares.bin", "squares.gltf"]);
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is_drawn() {
    let folder = Folder::new("bench-wrong");
    folder.write("empty.json", r#"{"keys": []}"#);
    let bench = |more: &[&str]| folder.run(&[&["bench"], more].concat());
    bench(&["--camera-path", "none.json"]).failed(1, &["none.json: "]);
    bench(&["--camera-path", "empty.json"]).failed(1, &["empty.json: it has 0 keys"]);
    bench(&["--triangles", "100", "--instances", "100"]).failed(1, &["are 1 each"]);
    bench(&["--triangles", "1000G", "--instances", "1"]).failed(1, &["are possible"]);
    bench(&["--out", "figures.txt"]).failed(1, &["figures.txt", "has to end in .json"]);
    bench(&["none.glb"]).failed(1, &["none.glb"]);
    for wrong in [
        &["--triangles", "many"][..],
        &["--unique", "0"],
        &["--frames", "0"],
        &["model.glb", "--triangles", "5"],
    ] {
        let ran = bench(wrong);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
    assert_eq!(folder.names(), ["empty.json"]);
}
