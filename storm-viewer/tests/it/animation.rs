//! What moves in a file moves in its pictures, at the time that was asked for.

use image::RgbaImage;

use crate::harness::Folder;

/// A glowing square that a joint moves to the right by 1 m a second for 2 s, and upwards in a second animation; a third hides it after a second, and a fourth has it
/// glow in blue as well.
pub(crate) fn slider(folder: &Folder) {
    let mut bytes = Vec::new();
    let mut put = |numbers: &[f32]| bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
    put(&[
        -0.5, -0.5, 0.0, 0.5, -0.5, 0.0, 0.5, 0.5, 0.0, -0.5, 0.5, 0.0,
    ]);
    put(&[0.0, 2.0]);
    put(&[0.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
    put(&[0.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    put(&[0.0, 1.0]);
    put(&[1.0, 0.0]);
    for _ in 0..4 {
        put(&[1.0, 0.0, 0.0, 0.0]);
    }
    bytes.extend([0_u8; 16]);
    bytes.extend(
        [0_u16, 1, 2, 0, 2, 3]
            .iter()
            .flat_map(|index| index.to_le_bytes()),
    );
    let colours = [1.0_f32, 0.0, 0.0, 1.0, 0.0, 1.0];
    bytes.extend(colours.iter().flat_map(|number| number.to_le_bytes()));
    let length = bytes.len();
    folder.write("slider.bin", bytes);
    let moved = |output: u8| {
        format!(
            r#""channels": [{{ "sampler": 0, "target": {{ "node": 1, "path": "translation" }} }}],
               "samplers": [{{ "input": 1, "output": {output} }}]"#
        )
    };
    let json = format!(
        r#"{{
        "asset": {{ "version": "2.0" }},
        "extensionsUsed": ["KHR_node_visibility", "KHR_animation_pointer"],
        "extensionsRequired": ["KHR_node_visibility", "KHR_animation_pointer"],
        "nodes": [{{ "mesh": 0, "skin": 0 }}, {{ "name": "joint" }}],
        "skins": [{{ "joints": [1] }}],
        "meshes": [{{ "primitives": [{{ "attributes": {{ "POSITION": 0, "JOINTS_0": 7, "WEIGHTS_0": 6 }}, "indices": 8, "material": 0 }}] }}],
        "materials": [{{ "doubleSided": true, "emissiveFactor": [1, 0, 0],
            "pbrMetallicRoughness": {{ "baseColorFactor": [0, 0, 0, 1], "metallicFactor": 0 }} }}],
        "animations": [
            {{ "name": "right", {} }},
            {{ "name": "up", {} }},
            {{ "name": "gone", "channels": [{{ "sampler": 0, "target": {{ "path": "pointer", "extensions": {{
                "KHR_animation_pointer": {{ "pointer": "/nodes/0/extensions/KHR_node_visibility/visible" }} }} }} }}],
               "samplers": [{{ "input": 4, "output": 5, "interpolation": "STEP" }}] }},
            {{ "name": "blue", "channels": [{{ "sampler": 0, "target": {{ "path": "pointer", "extensions": {{
                "KHR_animation_pointer": {{ "pointer": "/materials/0/emissiveFactor" }} }} }} }}],
               "samplers": [{{ "input": 4, "output": 9 }}] }}],
        "accessors": [
            {{ "bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [-0.5, -0.5, 0], "max": [0.5, 0.5, 0] }},
            {{ "bufferView": 0, "byteOffset": 48, "componentType": 5126, "count": 2, "type": "SCALAR", "min": [0], "max": [2] }},
            {{ "bufferView": 0, "byteOffset": 56, "componentType": 5126, "count": 2, "type": "VEC3" }},
            {{ "bufferView": 0, "byteOffset": 80, "componentType": 5126, "count": 2, "type": "VEC3" }},
            {{ "bufferView": 0, "byteOffset": 104, "componentType": 5126, "count": 2, "type": "SCALAR", "min": [0], "max": [1] }},
            {{ "bufferView": 0, "byteOffset": 112, "componentType": 5126, "count": 2, "type": "SCALAR" }},
            {{ "bufferView": 0, "byteOffset": 120, "componentType": 5126, "count": 4, "type": "VEC4" }},
            {{ "bufferView": 0, "byteOffset": 184, "componentType": 5121, "count": 4, "type": "VEC4" }},
            {{ "bufferView": 0, "byteOffset": 200, "componentType": 5123, "count": 6, "type": "SCALAR" }},
            {{ "bufferView": 0, "byteOffset": 212, "componentType": 5126, "count": 2, "type": "VEC3" }}],
        "bufferViews": [{{ "buffer": 0, "byteLength": {length} }}],
        "buffers": [{{ "byteLength": {length}, "uri": "slider.bin" }}]
        }}"#,
        moved(2),
        moved(3)
    );
    folder.write("slider.gltf", json);
}

const VIEW: [&str; 8] = [
    "--size",
    "120x90",
    "--camera",
    "0,0,6/0,0,0",
    "--quality",
    "cpu",
    "--samples",
    "1",
];

fn render(folder: &Folder, name: &str, more: &[&str]) -> RgbaImage {
    let arguments = [&["render", "slider.gltf", "-o", name], &VIEW[..], more].concat();
    folder.run(&arguments).ok();
    folder.picture(name)
}

/// The middle of what is red, in metres, and how many pixels are.
pub(crate) fn middle(picture: &RgbaImage) -> (f32, f32, usize) {
    let red = picture
        .enumerate_pixels()
        .filter(|(_, _, p)| p.0[0] > 150 && p.0[1] < 90);
    let (mut x, mut y, mut count) = (0.0, 0.0, 0);
    for (px, py, _) in red {
        (x, y, count) = (x + px as f32 + 0.5, y + py as f32 + 0.5, count + 1);
    }
    let n = count.max(1) as f32;
    // The view has 45 degrees of height at 6 m.
    let metre = 90.0 / (2.0 * 6.0 * (std::f32::consts::FRAC_PI_8).tan());
    ((x / n - 60.0) / metre, (45.0 - y / n) / metre, count)
}

#[test]
fn pictures_show_the_time_and_the_animation_that_were_asked_for() {
    let folder = Folder::new("animation");
    slider(&folder);
    for (more, x, y) in [
        (&[][..], 0.0, 0.0),
        (&["--animation", "right"], 0.0, 0.0),
        (&["--time", "1"], 1.0, 0.0),
        (&["--time", "1.5", "--animation", "right"], 1.5, 0.0),
        (&["--time", "2.5"], 0.5, 0.0),
        (&["--time", "1", "--animation", "1"], 0.0, 1.0),
        (&["--time", "1", "--animation", "none"], 0.0, 0.0),
        (&["--time", "0.5", "--animation", "gone"], 0.0, 0.0),
    ] {
        let found = middle(&render(&folder, "a.png", more));
        let near = (found.0 - x).abs() < 0.08 && (found.1 - y).abs() < 0.08 && found.2 > 50;
        assert!(near, "{more:?}: {found:?}");
    }
    // Two that drive the same are averaged, and the third hides it at its end.
    let all = render(&folder, "all.png", &["--time", "0.8", "--animation", "all"]);
    let found = middle(&all);
    assert!(
        (found.0 - 0.4).abs() < 0.08 && (found.1 - 0.4).abs() < 0.08,
        "{found:?}"
    );
}

#[test]
fn a_frame_of_a_sequence_is_the_picture_of_its_time() {
    let folder = Folder::new("sequence");
    slider(&folder);
    let more = ["--animation", "right", "--frames", "4", "--fps", "4"];
    let arguments = [
        &["render", "slider.gltf", "-o", "f%d.png"],
        &VIEW[..],
        &more,
    ]
    .concat();
    folder.run(&arguments).ok();
    for (frame, time) in ["0", "0.25", "0.5", "0.75"].iter().enumerate() {
        let alone = render(
            &folder,
            "alone.png",
            &["--animation", "right", "--time", time],
        );
        assert!(
            folder.picture(&format!("f{frame}.png")) == alone,
            "at {time} s"
        );
    }
}

#[test]
fn a_crowd_stands_in_rows_each_at_a_time_of_its_own() {
    let folder = Folder::new("crowd");
    slider(&folder);
    let more = ["--crowd", "9", "--time", "0", "--json"];
    let arguments = [
        "render",
        "slider.gltf",
        "-o",
        "c.png",
        "--size",
        "160x120",
        "--quality",
        "cpu",
    ];
    let ran = folder.run(&[&arguments[..], &more].concat());
    ran.ok();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["instances"], 9);
    let first = folder.picture("c.png");
    assert!(middle(&first).2 > 50);
    folder.run(&[&arguments[..], &more].concat()).ok();
    assert!(folder.picture("c.png") == first, "the same crowd again");
}

#[test]
fn wrong_animations_are_named_with_what_there_is() {
    let folder = Folder::new("wrong-animation");
    slider(&folder);
    for (more, message) in [
        (
            &["--animation", "left"][..],
            "slider.gltf: no animation 'left'; there are: 0 (right), 1 (up), 2 (gone), 3 (blue)",
        ),
        (
            &["--animation", "4"],
            "slider.gltf: no animation '4'; there are: 0 (right), 1 (up), 2 (gone), 3 (blue)",
        ),
        (&["--time", "-1"], "is not within 0 to 1000000"),
        (&["--crowd", "0"], "'0' is not a whole number from 1 on"),
        (&["--crowd", "100001"], "100001 is not within 1 to 100000"),
    ] {
        let arguments = [&["render", "slider.gltf", "-o", "x.png"], more].concat();
        let output = folder.viewer(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(message),
            "{more:?}: {said}"
        );
    }
}

#[test]
fn pointers_change_the_surface() {
    let folder = Folder::new("pointer");
    slider(&folder);
    let mut blue = Vec::new();
    for time in ["0", "0.25", "0.5", "0.9"] {
        let picture = render(&folder, "b.png", &["--animation", "blue", "--time", time]);
        blue.push(picture.get_pixel(60, 45).0[2]);
    }
    assert!(blue[0] < 40 && blue[3] > 200, "{blue:?}");
    assert!(blue.is_sorted_by(|a, b| a < b), "{blue:?}");
}
