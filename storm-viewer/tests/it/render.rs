//! Pictures: what is in them, and how they get into their files.

use image::RgbaImage;

use crate::harness::{Folder, Ran, has_validation, squares};

#[derive(Debug, PartialEq)]
enum Seen {
    Red,
    Green,
    Other,
}

/// What is at a place of a picture, in parts of its width and height.
fn at(picture: &RgbaImage, x: f32, y: f32) -> Seen {
    let (width, height) = picture.dimensions();
    let [r, g, b, a] = picture
        .get_pixel((x * width as f32) as u32, (y * height as f32) as u32)
        .0;
    assert_eq!(a, 255, "pictures are opaque");
    match [r, g, b] {
        [200..=255, 0..100, 0..100] => Seen::Red,
        [0..100, 200..=255, 0..100] => Seen::Green,
        _ => Seen::Other,
    }
}

/// Left and right of the middle, and in a corner.
fn thirds(picture: &RgbaImage) -> [Seen; 3] {
    [
        at(picture, 0.45, 0.5),
        at(picture, 0.55, 0.5),
        at(picture, 0.02, 0.02),
    ]
}

#[test]
fn pipelines_are_kept_for_the_next_run() {
    let folder = Folder::new("pipelines");
    squares(&folder);
    let run = || {
        let arguments = ["render", "squares.gltf", "-o", "a.png", "--size", "32x32"];
        let mut command = folder.viewer(&arguments);
        command.env("STORM_PIPELINE_CACHE", folder.path("kept/pipelines"));
        Ran::new(command.output().unwrap(), &arguments).ok();
        std::fs::read(folder.path("kept/pipelines")).unwrap()
    };
    let first = run();
    // Some drivers keep nothing but a header there.
    assert!(!first.is_empty());
    let modified = || {
        let file = std::fs::metadata(folder.path("kept/pipelines")).unwrap();
        file.modified().unwrap()
    };
    let written = modified();
    assert!(run() == first, "the same pipelines");
    assert_eq!(modified(), written, "nothing new, nothing written");
    // What is damaged is left aside and made anew.
    folder.write("kept/pipelines", &first[..first.len() / 2]);
    assert_eq!(run().len(), first.len());
}

#[test]
fn cameras_see_what_is_in_front_of_them() {
    use Seen::{Green, Other, Red};

    let folder = Folder::new("cameras");
    squares(&folder);
    let cases: &[(&[&str], [Seen; 3])] = &[
        (&[], [Red, Green, Other]),
        (&["--camera", "Front"], [Red, Green, Other]),
        (&["--camera", "0"], [Red, Green, Other]),
        (&["--camera", "Back"], [Green, Red, Other]),
        (&["--camera", "Behind"], [Green, Red, Other]),
        (&["--camera", "1"], [Green, Red, Other]),
        (&["--camera", "orbit:0,0,3"], [Red, Green, Other]),
        (&["--camera", "orbit:180,0,3"], [Green, Red, Other]),
        (&["--camera", "0,0,3/0,0,0"], [Red, Green, Other]),
        (&["--camera", "-0.5,0,2/-0.5,0,0"], [Red, Red, Other]),
        (&["--camera", "0,0,3/0,0,9"], [Other, Other, Other]),
        (
            &["--scene", "1", "--camera", "orbit:0,0,3"],
            [Red, Red, Other],
        ),
        (&["--samples", "1"], [Red, Green, Other]),
    ];
    for (arguments, expected) in cases {
        let all = [
            &["render", "squares.gltf", "-o", "out.png", "--size", "80x60"],
            *arguments,
        ]
        .concat();
        let ran = folder.run(&all);
        assert_eq!(ran.ok().stderr, "wrote out.png (80x60)\n", "{arguments:?}");
        let picture = folder.picture("out.png");
        assert_eq!(picture.dimensions(), (80, 60), "{arguments:?}");
        assert_eq!(&thirds(&picture), expected, "{arguments:?}");
    }
}

#[test]
fn json_says_what_was_done() {
    let folder = Folder::new("report");
    squares(&folder);
    let ran = folder.run(&[
        "render",
        "squares.gltf",
        "-o",
        "out.png",
        "--size",
        "16x8",
        "--frames",
        "3",
        "--json",
    ]);
    let report = ran.json();
    for (key, value) in [
        ("width", 16),
        ("height", 8),
        ("frames", 3),
        ("instances", 2),
        ("triangles", 4),
    ] {
        assert_eq!(report[key], value, "{key}");
    }
    assert_eq!(
        (&report["file"], &report["output"]),
        (&"squares.gltf".into(), &"out.png".into())
    );
    for key in ["load_ms", "first_frame_ms", "median_frame_ms"] {
        assert!(report[key].as_f64().is_some_and(|ms| ms > 0.0), "{key}");
    }
    assert!(
        ran.stderr.contains("3 frame(s) of 16x8: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_picture_replaces_what_was_there_and_a_failure_does_not() {
    let folder = Folder::new("replace");
    squares(&folder);
    folder.write("out.png", "something old");
    folder
        .run(&["render", "missing.glb", "-o", "out.png"])
        .failed(1, &["missing.glb"]);
    assert_eq!(
        std::fs::read(folder.path("out.png")).unwrap(),
        b"something old"
    );
    folder
        .run(&["render", "squares.gltf", "-o", "out.png", "--size", "9x7"])
        .ok();
    assert_eq!(folder.picture("out.png").dimensions(), (9, 7));
    assert_eq!(
        folder.names(),
        ["out.png", "squares.bin", "squares.gltf"],
        "no part is left"
    );
}

#[test]
fn a_scene_of_nothing_is_a_picture_of_the_sky() {
    let folder = Folder::new("nothing");
    folder.write("nothing.gltf", r#"{ "asset": { "version": "2.0" } }"#);
    folder
        .run(&["render", "nothing.gltf", "-o", "out.png", "--size", "20x20"])
        .ok();
    let picture = folder.picture("out.png");
    assert!(
        picture.pixels().any(|p| p.0[2] > 120)
            && picture.get_pixel(0, 0) != picture.get_pixel(0, 19)
    );
}

#[test]
fn the_demo_writes_its_picture_and_needs_no_display() {
    let folder = Folder::new("demo");
    folder.run(&["demo", "--size", "64x36", "--headless"]).ok();
    assert_eq!(folder.names(), ["storm-demo.png"]);
    assert_eq!(folder.picture("storm-demo.png").dimensions(), (64, 36));
    let ran = folder.run(&["demo", "--size", "64x36", "-o", "other.png"]);
    assert!(
        cfg!(not(feature = "window")) || ran.ok().stderr.contains("no window: "),
        "{}",
        ran.stderr
    );
    assert_eq!(
        folder.picture("storm-demo.png"),
        folder.picture("other.png"),
        "one seed, one picture"
    );
    folder
        .run(&[
            "demo",
            "--size",
            "64x36",
            "--headless",
            "--seed",
            "2",
            "-o",
            "other.png",
        ])
        .ok();
    assert_ne!(
        folder.picture("storm-demo.png"),
        folder.picture("other.png"),
        "another seed, another picture"
    );
}

#[test]
fn what_is_drawn_is_validated() {
    if !has_validation() {
        println!("skipped: no validation layer");
        return;
    }
    let folder = Folder::new("validation");
    squares(&folder);
    for samples in ["1", "4"] {
        let arguments = [
            "render",
            "squares.gltf",
            "-o",
            "out.png",
            "--frames",
            "3",
            "--samples",
            samples,
        ];
        folder.run(&arguments).ok();
    }
}

#[test]
fn a_picture_never_takes_the_place_of_its_model() {
    let folder = Folder::new("itself");
    squares(&folder);
    // Nothing says that a model is called .gltf.
    std::fs::rename(folder.path("squares.gltf"), folder.path("model.png")).unwrap();
    let before = std::fs::read(folder.path("model.png")).unwrap();
    for output in ["model.png", "./model.png"] {
        folder
            .run(&["render", "model.png", "-o", output])
            .failed(1, &["model.png: cannot be written", "the model itself"]);
    }
    assert_eq!(std::fs::read(folder.path("model.png")).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays_and_a_device_is_refused() {
    use std::os::unix::fs::symlink;

    let folder = Folder::new("links");
    squares(&folder);
    std::fs::create_dir(folder.path("far")).unwrap();
    folder.write("far/picture.png", "old");
    symlink("far/picture.png", folder.path("link.png")).unwrap();
    symlink("/dev/null", folder.path("device.png")).unwrap();
    folder
        .run(&["render", "squares.gltf", "-o", "link.png", "--size", "9x7"])
        .ok();
    assert_eq!(folder.picture("far/picture.png").dimensions(), (9, 7));
    assert!(folder.path("link.png").is_symlink());
    folder
        .run(&["render", "squares.gltf", "-o", "device.png"])
        .failed(1, &["device.png: cannot be written", "not a regular file"]);
}

#[cfg(unix)]
#[test]
fn paths_that_are_no_text_are_taken_and_reported() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let folder = Folder::new("bytes");
    squares(&folder);
    let (model, picture) = (
        OsStr::from_bytes(b"bad\xff.gltf"),
        OsStr::from_bytes(b"two\nlines\xfe.png"),
    );
    std::fs::rename(folder.path("squares.gltf"), folder.path("").join(model)).unwrap();
    let mut command = folder.viewer(&["render", "--size", "9x7", "--json"]);
    let output = command.arg("-o").arg(picture).arg(model).output().unwrap();
    let ran = Ran::new(output, &["render"]);
    assert_eq!(ran.json()["file"], "bad\u{fffd}.gltf");
    assert_eq!(ran.stderr, "wrote two lines\u{fffd}.png (9x7)\n");
    assert!(folder.path("").join(picture).exists());
}

/// A Radiance picture of one colour.
fn sky(folder: &Folder, name: &str, rgbe: [u8; 4]) {
    let mut file = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 4\n".to_vec();
    file.extend(rgbe.repeat(8));
    folder.write(name, file);
}

#[test]
fn a_sky_is_chosen() {
    let folder = Folder::new("sky");
    squares(&folder);
    sky(&folder, "green.hdr", [0, 128, 0, 128]);
    let corner = |sky: &[&str]| {
        let mut words = vec!["render", "squares.gltf", "-o", "out.png", "--size", "64x36"];
        words.extend(["--tone-map", "none"]);
        words.extend(sky);
        folder.run(&words).ok();
        folder.picture("out.png").get_pixel(1, 1).0
    };
    // Mantissa 128 and exponent 128: half.
    let [r, g, b, _] = corner(&["--sky", "green.hdr"]);
    assert!(r == 0 && b == 0 && (186..=189).contains(&g), "{r} {g} {b}");
    let [_, twice, ..] = corner(&[
        "--sky",
        "green.hdr",
        "--sky-light",
        "2",
        "--sky-turn",
        "-90",
    ]);
    assert_eq!(twice, 255);
    let [r, _, b, _] = corner(&["--sky", "sun:50,30"]);
    assert!(b > r, "the sky is blue: {r} {b}");
    folder.write("no.hdr", b"#?RADIANCE\n\n-Y 9000 +X 1\n");
    for (sky, message) in [
        (
            "no.hdr",
            "no.hdr: a size of 1×9000 is not within 1 to 8192 pixels",
        ),
        ("gone.hdr", "gone.hdr: No such file or directory"),
        ("squares.gltf", "squares.gltf: not a Radiance picture"),
    ] {
        folder
            .run(&["render", "squares.gltf", "-o", "not.png", "--sky", sky])
            .failed(1, &[message]);
    }
}
