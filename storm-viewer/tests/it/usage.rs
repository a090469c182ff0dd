//! Wrong usage, and files that cannot be read or written: one line, the right code, nothing left behind.

use std::fs;

use crate::harness::{Folder, Ran, squares};

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_wrong() {
    let folder = Folder::new("usage");
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: storm-viewer <COMMAND>"),
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["cart.glb"], "To see a model: storm-viewer view cart.glb"),
        (&["info"], "<FILE>"),
        (&["render", "x.glb"], "--output <PICTURE>"),
        (
            &["render", "x.glb", "-o", "a.png", "--wings"],
            "unexpected argument '--wings'",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--size", "0x5"],
            "the width 0 is not within 1 to 16384",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--size", "5x99999"],
            "the height 99999 is not within 1 to 16384",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--size", "5"],
            "'5' is not WIDTHxHEIGHT",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--size=-5x5"],
            "the width '-5' is not a whole number",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--camera", "orbit:1,2"],
            "'1,2' is not three numbers",
        ),
        (
            &[
                "render",
                "x.glb",
                "-o",
                "a.png",
                "--camera",
                "orbit:0,100,1",
            ],
            "not within -90 to 90",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--camera", "1,2,3"],
            "has no '/' between eye and target",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--camera", ""],
            "it is empty",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--samples", "2"],
            "1 or 4 samples",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--frames", "0"],
            "'--frames <N>'",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--frames", "many"],
            "'--frames <N>'",
        ),
        (
            &["render", "x.glb", "-o", "a.png", "--scene=-1"],
            "'--scene <N>'",
        ),
        (&["demo", "--seed", "x"], "'--seed <N>'"),
        (
            &["view", "x.glb", "--do", "fly"],
            "there is no action 'fly'",
        ),
        (
            &["view", "x.glb", "--do", "camera.turn"],
            "takes =YAW,PITCH",
        ),
    ];
    for (arguments, message) in cases {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(message),
            "{arguments:?}: no '{message}' in {}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert_eq!(folder.names(), [""; 0], "nothing is written");
}

#[test]
fn help_goes_to_standard_output_and_lists_the_keys() {
    let folder = Folder::new("help");
    for (arguments, expected) in [
        (
            ["--help", ""],
            "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no usable Vulkan driver",
        ),
        (["view", "--help"], "Left drag"),
        (["view", "--help"], "camera.turn=YAW,PITCH"),
        (["render", "--help"], "orbit:YAW,PITCH,DISTANCE"),
    ] {
        let arguments: Vec<_> = arguments.into_iter().filter(|a| !a.is_empty()).collect();
        let ran = folder.run(&arguments);
        assert!(
            ran.ok().stdout.contains(expected),
            "{arguments:?}: {}",
            ran.stdout
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_is_wrong() {
    let folder = Folder::new("unreadable");
    folder.write("empty.glb", []);
    folder.write("noise.glb", "this is no model");
    folder.write("array.gltf", "[]");
    let mut glb = b"glTF\x02\0\0\0".to_vec();
    glb.extend(1000_u32.to_le_bytes());
    glb.extend([16, 0, 0, 0]);
    glb.extend(b"JSON{\"asset\":");
    folder.write("truncated.glb", glb);
    folder.write("old.gltf", r#"{ "asset": { "version": "1.0" } }"#);
    folder.write("needs.gltf", r#"{ "asset": { "version": "2.0" }, "extensionsUsed": ["X_y"], "extensionsRequired": ["X_y"] }"#);
    fs::create_dir(folder.path("folder.glb")).unwrap();
    let before = folder.names();
    for (file, message) in [
        ("missing.glb", "No such file"),
        ("folder.glb", "is not a regular file"),
        ("empty.glb", "EOF"),
        ("noise.glb", "JSON line 1"),
        ("array.gltf", "expected"),
        ("truncated.glb", "expected"),
        ("old.gltf", "/asset/version"),
        (
            "needs.gltf",
            "requires the extension X_y, which is not supported",
        ),
    ] {
        for arguments in [
            &["info", file][..],
            &["info", "--json", file],
            &["render", file, "-o", "out.png"],
        ] {
            folder.run(arguments).failed(1, &[file, ": ", message]);
        }
    }
    assert_eq!(folder.names(), before, "nothing is written");
}

#[test]
fn names_that_would_break_the_line_are_shown_on_one() {
    let folder = Folder::new("names");
    folder
        .run(&["info", "two\nlines\x1b[31m.glb"])
        .failed(1, &["two lines [31m.glb: cannot be read"]);
}

/// `--gpu` goes before the environment.
#[test]
fn the_environment_names_the_device_where_nobody_else_does() {
    let folder = Folder::new("device");
    squares(&folder);
    let arguments = ["render", "squares.gltf", "-o", "out.png", "--size", "8x8"];
    let ran = |more: &[&str]| {
        let arguments = [&arguments[..], more].concat();
        let mut command = folder.viewer(&arguments);
        let output = command.env("STORM_GPU", "Voodoo").output().unwrap();
        Ran::new(output, &arguments)
    };
    let missing = "no Vulkan device is called \"Voodoo\"; there are: ";
    ran(&[]).failed(3, &[missing]);
    let chosen = folder.run(&[&arguments[..], &["--json"]].concat());
    let device = chosen.ok().json()["device"].as_str().unwrap().to_owned();
    ran(&["--gpu", &device]).ok();
}

#[test]
fn what_the_file_does_not_have_is_said_with_what_it_has() {
    let folder = Folder::new("parts");
    squares(&folder);
    let ran = |arguments: &[&str]| -> Ran {
        folder.run(
            &[
                &["render", "squares.gltf", "-o", "out.png", "--size", "8x8"],
                arguments,
            ]
            .concat(),
        )
    };
    ran(&["--camera", "Top"]).failed(
        1,
        &["squares.gltf: no camera 'Top'; there are: 0 (Front), 1 (Back)"],
    );
    ran(&["--camera", "2"]).failed(
        1,
        &["squares.gltf: no camera '2'; there are: 0 (Front), 1 (Back)"],
    );
    ran(&["--camera", "0", "--scene", "1"])
        .failed(1, &["squares.gltf: no camera '0'; the scene has none"]);
    ran(&["--scene", "2"]).failed(1, &["squares.gltf: no scene 2; it has 0 to 1"]);
    ran(&["--gpu", "Voodoo"]).failed(3, &["no Vulkan device is called \"Voodoo\"; there are: "]);
    assert_eq!(
        folder.names(),
        ["squares.bin", "squares.gltf"],
        "nothing is written"
    );
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let folder = Folder::new("unwritable");
    squares(&folder);
    fs::create_dir(folder.path("folder.png")).unwrap();
    let before = folder.names();
    for (output, message) in [
        (
            "missing/out.png",
            "missing/out.png: cannot be written: the folder missing does not exist",
        ),
        (
            "folder.png",
            "folder.png: cannot be written: it is a folder",
        ),
        (
            "squares.bin/out.png",
            "squares.bin/out.png: cannot be written: squares.bin is not a folder",
        ),
        (
            "out.jpg",
            "out.jpg: cannot be written: the name has to end in .png or .exr",
        ),
        (
            "out",
            "out: cannot be written: the name has to end in .png or .exr",
        ),
        ("/proc/out.png", "/proc/out.png: cannot be written: "),
    ] {
        folder
            .run(&["render", "squares.gltf", "-o", output, "--size", "8x8"])
            .failed(1, &[message]);
        folder
            .run(&["demo", "--headless", "-o", output, "--size", "8x8"])
            .failed(1, &[message]);
    }
    assert_eq!(folder.names(), before, "nothing is written");
}
