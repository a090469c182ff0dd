//! The panel, and what it tunes: by options in pictures, by actions in the window.

use image::RgbaImage;

use crate::harness::{Folder, squares};

/// Pixels that two pictures differ in, within a rectangle given in parts of their width and height.
fn differing(a: &RgbaImage, b: &RgbaImage, [x0, y0, x1, y1]: [f32; 4]) -> usize {
    let (w, h) = a.dimensions();
    assert_eq!((w, h), b.dimensions());
    let side = |part: f32, of: u32| (part * of as f32) as u32;
    let rows = side(y0, h)..side(y1, h);
    let places = rows.flat_map(|y| (side(x0, w)..side(x1, w)).map(move |x| (x, y)));
    places
        .filter(|&(x, y)| a.get_pixel(x, y) != b.get_pixel(x, y))
        .count()
}

#[test]
fn a_picture_shows_the_panel_and_is_the_same_beside_it() {
    let folder = Folder::new("panel");
    squares(&folder);
    let picture = |name: &str, more: &[&str]| {
        let arguments = ["render", "squares.gltf", "--size", "800x600", "-o", name];
        folder.run(&[&arguments[..], more].concat()).ok();
        folder.picture(name)
    };
    let plain = picture("plain.png", &[]);
    let panel = picture("panel.png", &["--ui"]);
    // The left top holds a dark window; to its right not a byte is another.
    let dark = panel.get_pixel(340, 150).0;
    assert!(dark[..3].iter().all(|&channel| channel < 60), "{dark:?}");
    assert!(differing(&plain, &panel, [0.0, 0.0, 0.5, 1.0]) > 20_000);
    assert_eq!(differing(&plain, &panel, [0.6, 0.0, 1.0, 1.0]), 0);
    // Letters are bright.
    let bright = (0..300).flat_map(|x| (0..400).map(move |y| (x, y)));
    let letters = bright.filter(|&(x, y)| panel.get_pixel(x, y).0[..3].iter().all(|&c| c > 120));
    assert!(letters.count() > 500, "something is written");
    // Frames on end change nothing but figures, and passes are listed where they are timed.
    let timed = picture("timed.png", &["--ui", "--pass-times", "--frames", "3"]);
    assert!(
        differing(&panel, &timed, [0.0, 0.6, 0.5, 1.0]) > 1000,
        "the list of passes"
    );
    assert_eq!(differing(&plain, &timed, [0.6, 0.0, 1.0, 1.0]), 0);
}

#[test]
fn options_tune_the_picture() {
    let folder = Folder::new("look");
    squares(&folder);
    let picture = |name: &str, more: &[&str]| {
        let arguments = [
            "render",
            "squares.gltf",
            "--size",
            "160x120",
            "--camera",
            "Front",
            "-o",
            name,
        ];
        folder.run(&[&arguments[..], more].concat()).ok();
        folder.picture(name)
    };
    let plain = picture("plain.png", &["--tone-map", "none"]);
    let red = |picture: &RgbaImage| picture.get_pixel(72, 60).0[0];
    assert_eq!(red(&plain), 255);
    // An eighth of full radiance is 99 in sRGB.
    let dark = picture("dark.png", &["--tone-map", "none", "--exposure", "-3"]);
    assert!((98..=101).contains(&red(&dark)), "{}", red(&dark));
    let glowing = picture("bloom.png", &["--tone-map", "none", "--bloom", "0.5"]);
    assert!(
        differing(&plain, &glowing, [0.0, 0.0, 1.0, 1.0]) > 5000,
        "the glow reaches far"
    );
    let axes = picture("axes.png", &["--tone-map", "none", "--axes"]);
    assert!(
        (20..2000).contains(&differing(&plain, &axes, [0.0, 0.0, 1.0, 1.0])),
        "lines"
    );
    for (more, message) in [
        (["--exposure", "17"], "17 is not within -16 to 16"),
        (["--exposure", "nan"], "nan is not within"),
        (["--bloom", "2"], "2 is not within 0 to 1"),
        (["--harmony", "x"], "'x' is not a number"),
    ] {
        let ran = folder.run(&[&["render", "squares.gltf", "-o", "x.png"][..], &more].concat());
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}
