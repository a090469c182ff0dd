//! Pictures of radiance, and a picture a frame.

use std::fs;

use crate::harness::{Folder, squares};

#[test]
fn exr_holds_what_the_scene_emits() {
    let folder = Folder::new("exr");
    squares(&folder);
    let render = [
        "render",
        "squares.gltf",
        "--size",
        "160x120",
        "--camera",
        "Front",
        "-o",
        "out.exr",
    ];
    folder.run(&render).ok();
    let picture = image::open(folder.path("out.exr")).unwrap().into_rgb32f();
    assert_eq!(picture.dimensions(), (160, 120));
    let [r, g, b] = picture.get_pixel(72, 60).0;
    assert!(
        (0.99..=1.2).contains(&r) && g < 0.2 && b < 0.2,
        "{r} {g} {b}"
    );
    // Whatever is done to show it.
    let shown = ["--exposure", "3", "--tone-map", "aces"];
    folder.run(&[&render[..], &shown].concat()).ok();
    let same = image::open(folder.path("out.exr")).unwrap().into_rgb32f();
    assert!(same == picture);
    assert_eq!(folder.names(), ["out.exr", "squares.bin", "squares.gltf"]);
}

#[test]
fn a_sequence_is_a_picture_a_frame_at_exact_times() {
    let folder = Folder::new("sequence");
    let demo = |output: &str, more: &[&str]| {
        let arguments = ["demo", "--headless", "--size", "96x54", "-o", output];
        folder.run(&[&arguments[..], more].concat())
    };
    fs::create_dir(folder.path("a")).unwrap();
    fs::create_dir(folder.path("b")).unwrap();
    let ran = demo("a/f_%03d.png", &["--frames", "4", "--fps", "2"]);
    let line = "wrote a/f_000.png to f_003.png (4 pictures of 96x54, 2 a second)";
    assert!(ran.ok().stderr.contains(line), "{}", ran.stderr);
    let names: Vec<String> = (0..4).map(|i| format!("a/f_{i:03}.png")).collect();
    let pictures: Vec<_> = names.iter().map(|name| folder.picture(name)).collect();
    assert!(
        pictures.windows(2).all(|pair| pair[0] != pair[1]),
        "the sea moves"
    );
    // Twice as many frames a second: every other one is one of those, to the last byte.
    demo("b/%d.png", &["--frames", "7", "--fps", "4"]).ok();
    for (i, picture) in pictures.iter().enumerate() {
        assert!(
            folder.picture(&format!("b/{}.png", 2 * i)) == *picture,
            "frame {i}"
        );
    }
    // The last one alone, without a number.
    demo("last.png", &["--frames", "4"]).ok();
    assert_eq!(fs::read_dir(folder.path("a")).unwrap().count(), 4);
}

#[test]
fn places_that_cannot_hold_a_sequence_are_refused_before_anything_is_drawn() {
    let folder = Folder::new("sequence-places");
    squares(&folder);
    fs::create_dir(folder.path("old")).unwrap();
    folder.write("old/f_3.png", "of a longer sequence");
    fs::create_dir(folder.path("full")).unwrap();
    fs::create_dir(folder.path("full/f_1.png")).unwrap();
    let cases: &[(&str, &[&str], &str)] = &[
        ("%04d.png", &[], "say how many with --frames"),
        ("a.png", &["--fps", "30"], "--fps is for a picture a frame"),
        (
            "%4d.png",
            &["--frames", "2"],
            "a % that is neither %d, %04d nor %%",
        ),
        ("%d_%d.png", &["--frames", "2"], "more than one number"),
        (
            "f_%d.jpg",
            &["--frames", "2"],
            "the name has to end in .png or .exr",
        ),
        ("f_%d/x.png", &["--frames", "2"], "not in a folder's"),
        (
            "nowhere/%d.png",
            &["--frames", "2"],
            "the folder nowhere does not exist",
        ),
        (
            "old/f_%d.png",
            &["--frames", "3"],
            "old/f_3.png is there already",
        ),
        ("full/f_%d.png", &["--frames", "2"], "it is a folder"),
        (
            "/proc/f_%d.png",
            &["--frames", "2"],
            "0 of 2 pictures are written",
        ),
    ];
    for (output, more, message) in cases {
        let arguments = ["render", "squares.gltf", "--size", "16x16", "-o", output];
        folder
            .run(&[&arguments[..], more].concat())
            .failed(1, &[message]);
    }
    // What fails in the middle says how far it came, and leaves whole files.
    let arguments = [
        "render",
        "squares.gltf",
        "--size",
        "16x16",
        "-o",
        "full/f_%d.png",
        "--frames",
        "4",
    ];
    folder.run(&arguments).failed(
        1,
        &[
            "full/f_1.png",
            "it is a folder; 1 of 4 pictures are written",
        ],
    );
    assert_eq!(folder.picture("full/f_0.png").dimensions(), (16, 16));
    assert_eq!(
        fs::read_dir(folder.path("full")).unwrap().count(),
        2,
        "no part is left"
    );
    for (more, message) in [
        (["--fps", "0"], "0 is not within 0.001 to 1000"),
        (["--fps", "x"], "'x' is not a number"),
    ] {
        let arguments = ["render", "squares.gltf", "-o", "f_%d.png", "--frames", "2"];
        let ran = folder.run(&[&arguments[..], &more].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}
