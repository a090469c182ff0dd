//! Machines that lack something: a driver, the Vulkan loader, a display.

use std::process::Command;

use crate::harness::{Folder, Ran, squares};

/// A machine on which the Vulkan loader finds no driver.
fn without_driver(command: &mut Command) {
    command
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent");
}

/// A machine whose Vulkan loader cannot be loaded.
fn without_loader(command: &mut Command, folder: &Folder) {
    folder.write("libvulkan.so.1", "");
    command.env("LD_LIBRARY_PATH", folder.path(""));
}

fn run(folder: &Folder, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Ran {
    let mut command = folder.viewer(arguments);
    prepare(&mut command);
    Ran::new(command.output().unwrap(), arguments)
}

const DRAWING: [&[&str]; 2] = [
    &["render", "squares.gltf", "-o", "out.png", "--size", "8x8"],
    &["demo", "--headless", "--size", "8x8"],
];

#[test]
fn without_a_driver_drawing_exits_with_3_and_names_the_mender() {
    let folder = Folder::new("no-driver");
    squares(&folder);
    for arguments in DRAWING {
        let ran = run(&folder, arguments, without_driver);
        ran.failed(3, &[]);
        let sentence =
            "error: no Vulkan driver on this machine; './storm doctor' says what to install\n";
        assert_eq!(ran.stderr, sentence, "{arguments:?}");
    }
    run(&folder, &["info", "squares.gltf"], without_driver).ok();
    assert_eq!(
        folder.names(),
        ["squares.bin", "squares.gltf"],
        "nothing is written"
    );
}

#[test]
fn without_the_loader_drawing_exits_with_3_and_names_the_mender() {
    let folder = Folder::new("no-loader");
    squares(&folder);
    for arguments in DRAWING {
        run(&folder, arguments, |command| {
            without_loader(command, &folder)
        })
        .failed(
            3,
            &[
                "no Vulkan loader on this machine: ",
                "libvulkan",
                "; './storm doctor' says what to install",
            ],
        );
    }
    run(&folder, &["info", "squares.gltf"], |command| {
        without_loader(command, &folder)
    })
    .ok();
}

#[test]
fn a_file_that_is_wrong_is_said_before_a_machine_that_is() {
    let folder = Folder::new("file-first");
    run(
        &folder,
        &["render", "missing.glb", "-o", "out.png"],
        without_driver,
    )
    .failed(1, &["missing.glb: "]);
}

#[test]
fn the_doctor_says_what_there_is() {
    let folder = Folder::new("doctor");
    let report = folder.run(&["doctor", "--json"]).json();
    assert_eq!(report["usable"], true, "the tests need a driver");
    let devices = report["devices"].as_array().unwrap();
    assert_eq!(
        devices
            .iter()
            .filter(|device| device["chosen"] == true)
            .count(),
        1
    );
    assert!(
        devices
            .iter()
            .all(|device| device["usable"] == device["refusal"].is_null())
    );
    assert!(report["display"].is_null() && report["display_error"].is_string());
    let text = &folder.run(&["doctor"]).ok().stdout.clone();
    assert!(
        text.contains(devices[0]["name"].as_str().unwrap()),
        "{text}"
    );
    assert!(text.contains("usable, and the one that is taken"), "{text}");
}

#[test]
fn the_doctor_fails_where_nothing_can_be_drawn_with_and_still_says_what_there_is() {
    let folder = Folder::new("doctor-ill");
    let check = |ran: Ran, line: &str| {
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
        let sentence = "error: no usable Vulkan device on this machine; './storm doctor' says what to install\n";
        assert_eq!(ran.stderr, sentence);
    };
    check(
        run(&folder, &["doctor"], without_driver),
        "none: no driver is installed",
    );
    check(
        run(&folder, &["doctor", "--json"], without_driver),
        "\"usable\": false",
    );
    check(
        run(&folder, &["doctor"], |command| {
            without_loader(command, &folder)
        }),
        "no Vulkan loader on this machine",
    );
}

#[test]
fn without_a_display_a_window_exits_with_4() {
    let folder = Folder::new("no-display");
    squares(&folder);
    let view = ["view", "squares.gltf", "--frames", "1"];
    folder.run(&view).failed(
        4,
        &["no display to open a window on: ", "'render' needs none"],
    );
    run(&folder, &view, |command| {
        command.env("DISPLAY", "");
    })
    .failed(4, &["no display to open a window on: "]);
    if cfg!(feature = "window") {
        // One that is not there.
        run(&folder, &view, |command| {
            command.env("DISPLAY", "localhost:65000");
        })
        .failed(4, &["no display to open a window on: "]);
    }
}
