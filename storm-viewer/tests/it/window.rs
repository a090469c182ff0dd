//! The window, on a display in memory (Xvfb). Skipped where there is none.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{
    animation::{middle, slider},
    harness::{Folder, Ran, squares},
};

/// A display that goes with the test.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn new() -> Option<Self> {
        let server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "320x240x24",
                "-nolisten",
                "tcp",
                // It would start anew when its last client goes, and turn the next one away meanwhile.
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut server) = server else {
            return None;
        };
        // It writes the number that it has chosen once it listens.
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        Some(Self {
            server,
            name: format!(":{}", number.trim()),
        })
    }

    fn run(&self, folder: &Folder, arguments: &[&str]) -> Ran {
        Ran::new(
            folder
                .viewer(arguments)
                .env("DISPLAY", &self.name)
                .output()
                .unwrap(),
            arguments,
        )
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_lost_device_comes_back_and_what_was_to_be_done_is_done() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("lost");
    squares(&folder);
    let run = |output: &str, actions: &[&str]| {
        let mut arguments = vec!["view", "squares.gltf", "--size", "160x120"];
        arguments.extend(["--frames", "4", "--output", output]);
        for action in actions {
            arguments.extend(["--do", action]);
        }
        display.run(&folder, &arguments)
    };
    run("whole.png", &["picture.save"]).ok();
    run("lost.png", &["device.lose", "picture.save"]).ok();
    let whole = folder.picture("whole.png");
    assert!(whole == folder.picture("lost.png"));
    // The panel has pictures of its own on the device.
    run(
        "panel.png",
        &["panel.toggle", "device.lose", "picture.save"],
    )
    .ok();
    assert!(whole != folder.picture("panel.png"));
    // Lost again before it has drawn much: there is no use in going on.
    let actions = ["device.lose", "picture.save", "device.lose", "picture.save"];
    let twice = run("twice.png", &actions);
    assert_eq!(twice.code, 1);
    assert!(
        twice
            .stderr
            .ends_with("error: the Vulkan device was lost while reading the timeline\n"),
        "{}",
        twice.stderr
    );
}

#[test]
fn the_window_shows_the_model_and_does_what_it_is_told() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("window");
    squares(&folder);
    let view = [
        "view",
        "squares.gltf",
        "--size",
        "160x120",
        "--camera",
        "Front",
        "--frames",
        "4",
    ];
    let ran = display.run(
        &folder,
        &[&view[..], &["--do", "picture.save", "--do", "help"]].concat(),
    );
    assert!(
        ran.ok().stderr.contains("wrote squares-1.png\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Left drag"), "{}", ran.stderr);

    // From behind, the sides change places.
    let behind = [
        "--do",
        "camera.turn=180,0",
        "--do",
        "picture.save",
        "--do",
        "quit",
    ];
    display.run(&folder, &[&view[..], &behind].concat()).ok();
    let (front, behind) = (
        folder.picture("squares-1.png"),
        folder.picture("squares-2.png"),
    );
    let (w, h) = front.dimensions();
    let (left, right) = ((w / 2 - w / 20, h / 2), (w / 2 + w / 20, h / 2));
    assert!(
        front.get_pixel(left.0, left.1).0[0] > 200 && front.get_pixel(right.0, right.1).0[1] > 200
    );
    assert!(
        behind.get_pixel(left.0, left.1).0[1] > 200
            && behind.get_pixel(right.0, right.1).0[0] > 200
    );

    // And back.
    let back = [
        "--do",
        "camera.turn=180,0",
        "--do",
        "camera.reset",
        "-o",
        "back.png",
        "--do",
        "picture.save",
    ];
    display.run(&folder, &[&view[..], &back].concat()).ok();
    assert_eq!(folder.picture("back.png"), front);
}

#[test]
fn the_panel_and_the_look_are_actions() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("window-panel");
    squares(&folder);
    let saved = |name: &str, more: &[&str]| {
        let view = [
            "view",
            "squares.gltf",
            "--size",
            "640x480",
            "--camera",
            "Front",
            "--frames",
            "6",
            "-o",
            name,
        ];
        let save = ["--do", "picture.save"];
        display
            .run(&folder, &[&view[..], more, &save].concat())
            .ok();
        folder.picture(name)
    };
    let plain = saved("plain.png", &[]);
    let panel = saved("panel.png", &["--do", "panel.toggle"]);
    let dark = panel.get_pixel(340, 150).0;
    assert!(dark[..3].iter().all(|&channel| channel < 60), "{dark:?}");
    assert_eq!(panel.get_pixel(600, 240), plain.get_pixel(600, 240));
    // Shown from the beginning, and hidden by the same action.
    let hidden = saved("hidden.png", &["--ui", "--do", "panel.toggle"]);
    assert!(hidden == plain);
    let red = |picture: &image::RgbaImage| picture.get_pixel(288, 240).0[0];
    let dark = saved(
        "dark.png",
        &["--do", "look.exposure=-3", "--do", "look.tone-map=none"],
    );
    assert!(
        red(&plain) > 200 && red(&dark) < 110,
        "{} {}",
        red(&plain),
        red(&dark)
    );
    let normals = saved("normals.png", &["--do", "look.show=normals"]);
    let back = saved(
        "back.png",
        &["--do", "look.show=normals", "--do", "look.show=colours"],
    );
    assert!(normals != plain && back == plain);
}

#[test]
fn a_picture_that_cannot_be_saved_does_not_close_the_window() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("window-save");
    squares(&folder);
    let arguments = [
        "view",
        "squares.gltf",
        "--frames",
        "3",
        "-o",
        "/proc/x.png",
        "--do",
        "picture.save",
    ];
    let ran = display.run(&folder, &arguments);
    assert!(
        ran.ok()
            .stderr
            .contains("error: /proc/x.png: cannot be written"),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_a_driver_the_window_exits_with_3() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("window-driver");
    squares(&folder);
    let arguments = ["view", "squares.gltf", "--frames", "1"];
    let mut command = folder.viewer(&arguments);
    command
        .env("DISPLAY", &display.name)
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent");
    Ran::new(command.output().unwrap(), &arguments)
        .failed(3, &["no Vulkan driver on this machine"]);
}

#[test]
fn the_demo_opens_its_window_where_there_is_a_display() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("window-demo");
    let ran = display.run(
        &folder,
        &[
            "demo",
            "--size",
            "160x90",
            "--frames",
            "3",
            "--do",
            "picture.save",
        ],
    );
    assert!(
        ran.ok().stderr.contains("wrote demo-1.png"),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.names(), ["demo-1.png", "storm-demo.png"]);
}

/// Every way to present works on every display, if need be as another.
#[test]
fn pictures_are_shown_in_every_present_mode() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("present");
    squares(&folder);
    let view = ["view", "squares.gltf", "--size", "64x48", "--frames", "8"];
    for mode in ["fifo", "mailbox", "immediate"] {
        display
            .run(&folder, &[&view[..], &["--present", mode]].concat())
            .ok();
    }
}

/// A window plays, and actions say what and when: the pictures that are saved show it.
#[test]
fn actions_play_animations() {
    let Some(display) = Display::new() else {
        println!("skipped: no Xvfb");
        return;
    };
    let folder = Folder::new("played");
    slider(&folder);
    let run = |actions: &[&str], more: &[&str]| {
        let mut arguments = vec![
            "view",
            "slider.gltf",
            "--size",
            "120x90",
            "--quality",
            "cpu",
        ];
        arguments.extend([
            "--camera",
            "0,0,6/0,0,0",
            "--frames",
            "3",
            "--output",
            "p.png",
        ]);
        arguments.extend(more);
        for action in actions {
            arguments.extend(["--do", action]);
        }
        display.run(&folder, &arguments).ok();
        middle(&folder.picture("p.png"))
    };
    let save = "picture.save";
    for (actions, more, x, y) in [
        // Paused, so that no time passes until the picture is saved.
        (
            &["animation.play", "animation.seek=1", save][..],
            &[][..],
            1.0,
            0.0,
        ),
        (
            &[
                "animation.play",
                "animation.next",
                "animation.seek=1.5",
                save,
            ],
            &[],
            0.0,
            1.5,
        ),
        (
            &[
                "animation.play",
                "animation.clip=1",
                "animation.seek=0.5",
                save,
            ],
            &[],
            0.0,
            0.5,
        ),
        (&["animation.clip=-1", save], &[], 0.0, 0.0),
        (&[save], &["--animation", "none"], 0.0, 0.0),
        (
            &[
                "animation.speed=0",
                "animation.repeat=once",
                "animation.seek=9",
                save,
            ],
            &[],
            2.0,
            0.0,
        ),
    ] {
        let found = run(actions, more);
        let near = (found.0 - x).abs() < 0.1 && (found.1 - y).abs() < 0.1 && found.2 > 50;
        assert!(near, "{actions:?}: {found:?}");
    }
}
