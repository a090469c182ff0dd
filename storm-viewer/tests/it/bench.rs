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

#[test]
fn a_model_of_clusters_looks_like_the_model() {
    let folder = Folder::new("clusters-model");
    ball(&folder);
    let render = |more: &[&str], name: &str| {
        let first = [
            "render",
            "ball.gltf",
            "--size",
            "192x108",
            "--samples",
            "1",
            "-o",
            name,
        ];
        folder.run(&[&first[..], more].concat()).ok();
        folder.picture(name)
    };
    let (plain, clusters) = (render(&[], "a.png"), render(&["--clusters"], "b.png"));
    let debug = render(&["--clusters", "--show", "clusters"], "c.png");
    let off = plain.pixels().zip(clusters.pixels());
    let off = off.filter(|(a, b)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 16));
    let part = off.count() as f64 / f64::from(plain.width() * plain.height());
    assert!(part < 0.01, "{part} of the pixels");
    assert!(
        plain != debug && clusters != debug,
        "there are clusters to be seen"
    );
    let bench = |more: &[&str]| {
        let first = ["bench", "ball.gltf", "--frames", "1", "--size", "64x36"];
        folder.run(&[&first[..], more].concat()).json()
    };
    assert_eq!(bench(&[])["detail"], "clusters");
    assert!(bench(&[])["triangles_drawn_median"].as_u64().unwrap() > 100);
    assert_eq!(bench(&["--full-detail"])["detail"], "full detail");
}

/// A smooth ball of 4,608 triangles.
fn ball(folder: &Folder) {
    let (across, down) = (72_u32, 32_u32);
    let (mut bytes, mut indices) = (Vec::new(), Vec::new());
    for v in 0..=down {
        for u in 0..=across {
            let yaw = (u % across) as f32 / across as f32 * std::f32::consts::TAU;
            let pitch = (v as f32 / down as f32 - 0.5) * 3.0;
            let place = [
                yaw.sin() * pitch.cos(),
                pitch.sin(),
                yaw.cos() * pitch.cos(),
            ];
            bytes.extend(place.iter().flat_map(|number: &f32| number.to_le_bytes()));
            if u < across && v < down {
                let a = v * (across + 1) + u;
                let b = a + across + 1;
                indices.extend([a, a + 1, b, a + 1, b + 1, b]);
            }
        }
    }
    let (vertices, points) = (bytes.len(), bytes.len() / 12);
    bytes.extend(indices.iter().flat_map(|index: &u32| index.to_le_bytes()));
    let (length, count) = (bytes.len(), indices.len());
    folder.write("ball.bin", &bytes);
    let json = format!(
        r#"{{ "asset": {{ "version": "2.0" }}, "scene": 0, "scenes": [{{ "nodes": [0] }}], "nodes": [{{ "mesh": 0 }}],
        "meshes": [{{ "primitives": [{{ "attributes": {{ "POSITION": 0, "NORMAL": 0 }}, "indices": 1 }}] }}],
        "buffers": [{{ "uri": "ball.bin", "byteLength": {length} }}],
        "bufferViews": [{{ "buffer": 0, "byteLength": {vertices}, "target": 34962 }},
                        {{ "buffer": 0, "byteOffset": {vertices}, "byteLength": {}, "target": 34963 }}],
        "accessors": [{{ "bufferView": 0, "componentType": 5126, "count": {points}, "type": "VEC3", "min": [-1, -1, -1], "max": [1, 1, 1] }},
                      {{ "bufferView": 1, "componentType": 5125, "count": {count}, "type": "SCALAR" }}] }}"#,
        length - vertices
    );
    folder.write("ball.gltf", json);
}
