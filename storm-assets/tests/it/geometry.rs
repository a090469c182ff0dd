//! Numbers, layouts and rules of glTF 2.0 on files made here.

use storm_assets::{
    AlphaMode, Filter, Interpolation, MipFilter, Topology, TrackValues, Wrap,
    gltf::{self, LightKind, Projection},
};

use super::fixture::{base64, floats, glb, parse, triangle, triangle_with};

/// A file with one primitive of `attributes`, over one buffer and the given views and accessors.
fn primitive(attributes: &str, accessors: &str, views: &str, bytes: &[u8]) -> Vec<u8> {
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},
        "meshes":[{{"primitives":[{{"attributes":{{{attributes}}}}}]}}],
        "accessors":[{accessors}],"bufferViews":[{views}],"buffers":[{{"byteLength":{}}}]}}"#,
        bytes.len()
    );
    glb(&json, bytes)
}

fn only_mesh(file: &gltf::Gltf) -> &storm_assets::Mesh {
    file.library
        .meshes
        .get(file.meshes[0].primitives[0].mesh)
        .unwrap()
}

#[test]
fn a_triangle_is_read_whole() {
    let file = parse(&triangle()).unwrap();
    assert!(
        file.is_glb && file.version == "2.0" && file.warnings.is_empty(),
        "{:?}",
        file.warnings
    );
    let mesh = only_mesh(&file);
    assert_eq!(mesh.positions, [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    assert_eq!(mesh.indices, [0, 1, 2]);
    assert_eq!(mesh.normals, [[0.0, 0.0, 1.0]; 3]);
    assert_eq!(file.nodes[0].name, "root");
    assert_eq!(
        file.world_matrices()[0].w_axis.to_array(),
        [1.0, 2.0, 3.0, 1.0]
    );
    assert_eq!(file.scene_nodes(None), [0]);
    assert_eq!(file.default_scene, Some(0));
    let material = file.library.materials.get(file.materials[0]).unwrap();
    assert_eq!(material.base_color, [1.0, 0.5, 0.0, 1.0]);
    assert_eq!(material.alpha_mode, AlphaMode::Mask(0.5));
}

#[test]
fn component_types_are_converted_as_the_specification_says() {
    // glTF 2.0 §3.11: f = c / 255, max(c / 127, -1), c / 65535, max(c / 32767, -1).
    let cases: [(u32, bool, &[u8], [f32; 2]); 4] = [
        (5121, true, &[255, 51], [1.0, 0.2]),
        (5123, true, &[0xff, 0xff, 0, 0], [1.0, 0.0]),
        (5126, false, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf], [1.0, -0.5]),
        (5121, true, &[0, 128], [0.0, 128.0 / 255.0]),
    ];
    for (component, normalized, element, expected) in cases {
        let stride = element.len().next_multiple_of(4);
        let mut bytes = floats(&[0.0; 9]);
        for _ in 0..3 {
            let start = bytes.len();
            bytes.extend(element);
            bytes.resize(start + stride, 0);
        }
        let file = primitive(
            r#""POSITION":0,"TEXCOORD_0":1"#,
            &format!(
                r#"{{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}},
                {{"bufferView":1,"componentType":{component},"normalized":{normalized},"count":3,"type":"VEC2"}}"#
            ),
            &format!(
                r#"{{"buffer":0,"byteLength":36}},{{"buffer":0,"byteOffset":36,"byteLength":{},"byteStride":{stride}}}"#,
                3 * stride
            ),
            &bytes,
        );
        let file = parse(&file).unwrap();
        for uv in &only_mesh(&file).uvs[0] {
            assert!(
                (uv[0] - expected[0]).abs() < 1e-6 && (uv[1] - expected[1]).abs() < 1e-6,
                "{component}: {uv:?}"
            );
        }
    }
}

#[test]
fn quantized_positions_need_their_extension() {
    let bytes = [1, 254, 3, 0, 4, 5, 6, 0, 127, 128, 129, 0];
    let file = |extension: &str| {
        let json = format!(
            r#"{{"asset":{{"version":"2.0"}},{extension}"meshes":[{{"primitives":[{{"attributes":{{"POSITION":0}}}}]}}],
            "accessors":[{{"bufferView":0,"componentType":5120,"count":3,"type":"VEC3"}}],
            "bufferViews":[{{"buffer":0,"byteLength":12,"byteStride":4}}],"buffers":[{{"byteLength":12}}]}}"#
        );
        parse(&glb(&json, &bytes))
    };
    let read = file(r#""extensionsUsed":["KHR_mesh_quantization"],"extensionsRequired":["KHR_mesh_quantization"],"#).unwrap();
    assert_eq!(
        only_mesh(&read).positions,
        [[1.0, -2.0, 3.0], [4.0, 5.0, 6.0], [127.0, -128.0, -127.0]]
    );
    assert_eq!(
        file("").unwrap_err().problem.to_string(),
        "/accessors/0: expected VEC3 of float, found VEC3 of byte"
    );
}

#[test]
fn sparse_values_replace_base_ones() {
    let mut bytes = floats(&[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
    bytes.extend([2, 0, 0, 0]);
    bytes.extend(floats(&[9.0, 8.0, 7.0]));
    let views = r#"{"buffer":0,"byteLength":36},{"buffer":0,"byteOffset":36,"byteLength":1},{"buffer":0,"byteOffset":40,"byteLength":12}"#;
    let sparse = r#""sparse":{"count":1,"indices":{"bufferView":1,"componentType":5121},"values":{"bufferView":2}}"#;
    let over_base =
        format!(r#"{{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3",{sparse}}}"#);
    let over_zero = format!(r#"{{"componentType":5126,"count":3,"type":"VEC3",{sparse}}}"#);
    let read = |accessor: &str| {
        let file = parse(&primitive(r#""POSITION":0"#, accessor, views, &bytes)).unwrap();
        only_mesh(&file).positions.clone()
    };
    assert_eq!(read(&over_base), [[1.0; 3], [2.0; 3], [9.0, 8.0, 7.0]]);
    assert_eq!(read(&over_zero), [[0.0; 3], [0.0; 3], [9.0, 8.0, 7.0]]);
}

#[test]
fn interleaved_attributes_come_apart() {
    let bytes = floats(&[
        0.0, 0.0, 0.0, 0.1, 0.2, //
        1.0, 0.0, 0.0, 0.3, 0.4, //
        0.0, 1.0, 0.0, 0.5, 0.6,
    ]);
    let file = parse(&primitive(
        r#""POSITION":0,"TEXCOORD_0":1"#,
        r#"{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"},
           {"bufferView":0,"byteOffset":12,"componentType":5126,"count":3,"type":"VEC2"}"#,
        r#"{"buffer":0,"byteLength":60,"byteStride":20}"#,
        &bytes,
    ))
    .unwrap();
    let mesh = only_mesh(&file);
    assert_eq!(mesh.positions[2], [0.0, 1.0, 0.0]);
    assert_eq!(mesh.uvs, [[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]]);
}

#[test]
fn three_channel_colours_are_opaque_and_all_are_clamped() {
    let mut bytes = floats(&[0.0; 9]);
    bytes.extend(floats(&[2.0, 0.5, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]));
    let file = parse(&primitive(
        r#""POSITION":0,"COLOR_0":1"#,
        r#"{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"},
           {"bufferView":0,"byteOffset":36,"componentType":5126,"count":3,"type":"VEC3"}"#,
        r#"{"buffer":0,"byteLength":72}"#,
        &bytes,
    ))
    .unwrap();
    assert_eq!(only_mesh(&file).colors[0], [1.0, 0.5, 0.0, 1.0]);
    assert!(
        file.warnings
            .iter()
            .any(|w| w.message == "1 colours are out of 0 to 1; they are clamped")
    );
}

#[test]
fn weights_sum_to_one_and_unused_joints_are_zero() {
    let mut bytes = floats(&[0.0; 9]);
    bytes.extend([3, 9, 9, 9, 1, 2, 9, 9, 5, 5, 5, 5]);
    bytes.extend(floats(&[
        2.0, 0.0, 0.0, 0.0, 0.25, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    ]));
    let file = parse(&primitive(
        r#""POSITION":0,"JOINTS_0":1,"WEIGHTS_0":2"#,
        r#"{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"},
           {"bufferView":0,"byteOffset":36,"componentType":5121,"count":3,"type":"VEC4"},
           {"bufferView":0,"byteOffset":48,"componentType":5126,"count":3,"type":"VEC4"}"#,
        r#"{"buffer":0,"byteLength":96}"#,
        &bytes,
    ))
    .unwrap();
    let mesh = only_mesh(&file);
    assert_eq!(mesh.joints[0], [[3, 0, 0, 0], [1, 2, 0, 0], [0; 4]]);
    assert_eq!(
        mesh.weights[0],
        [
            [1.0, 0.0, 0.0, 0.0],
            [0.25, 0.75, 0.0, 0.0],
            [1.0, 0.0, 0.0, 0.0]
        ]
    );
}

#[test]
fn strips_become_triangles_and_points_stay_points() {
    let bytes = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
    let cases = [
        (0, Topology::Points, 4, 0),
        (3, Topology::Lines, 6, 0),
        (5, Topology::Triangles, 6, 6),
        (6, Topology::Triangles, 6, 6),
    ];
    for (mode, topology, indices, normals) in cases {
        let json = format!(
            r#"{{"asset":{{"version":"2.0"}},"meshes":[{{"primitives":[{{"attributes":{{"POSITION":0}},"mode":{mode}}}]}}],
            "accessors":[{{"bufferView":0,"componentType":5126,"count":4,"type":"VEC3"}}],
            "bufferViews":[{{"buffer":0,"byteLength":48}}],"buffers":[{{"byteLength":48}}]}}"#
        );
        let file = parse(&glb(&json, &bytes)).unwrap();
        let mesh = only_mesh(&file);
        assert_eq!(
            (mesh.topology, mesh.indices.len(), mesh.normals.len()),
            (topology, indices, normals),
            "mode {mode}"
        );
        if mode == 5 {
            assert!(
                mesh.normals.iter().all(|normal| *normal == [0.0, 0.0, 1.0]),
                "both fronts look the same way"
            );
        }
    }
}

#[test]
fn samplers_textures_and_the_default_material() {
    let png = one_pixel_png();
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},
        "meshes":[{{"primitives":[
            {{"attributes":{{"POSITION":0}},"material":0}},
            {{"attributes":{{"POSITION":0}}}}]}}],
        "materials":[{{"emissiveTexture":{{"index":0,"texCoord":3}},"metallicFactorX":1,"doubleSided":true,
            "pbrMetallicRoughness":{{"roughnessFactor":7}}}}],
        "textures":[{{"source":1,"sampler":0}}],
        "samplers":[{{"magFilter":9728,"minFilter":9985,"wrapS":33071,"wrapT":33648}}],
        "images":[{{"uri":"not-used.ktx2"}},{{"uri":"data:image/png;base64,{}"}}],
        "accessors":[{{"componentType":5126,"count":3,"type":"VEC3","min":[0,0,0],"max":[0,0,0]}}]}}"#,
        base64(&png)
    );
    let file = parse(json.as_bytes()).unwrap();
    let [first, second] = file.meshes[0].primitives.as_slice() else {
        panic!("two primitives")
    };
    let material = file.library.materials.get(first.material).unwrap();
    let slot = material.emissive_texture.unwrap();
    assert_eq!(
        (
            slot.uv_set,
            slot.sampler.mag,
            slot.sampler.min,
            slot.sampler.mip
        ),
        (3, Filter::Nearest, Filter::Linear, MipFilter::Nearest)
    );
    assert_eq!(
        (slot.sampler.wrap_u, slot.sampler.wrap_v),
        (Wrap::ClampToEdge, Wrap::MirroredRepeat)
    );
    assert_eq!(
        file.library.images.get(slot.image).unwrap().pixels(),
        [255, 0, 0, 255]
    );
    assert_eq!((material.double_sided, material.roughness), (true, 1.0));
    assert_eq!(
        **file.library.materials.get(second.material).unwrap(),
        storm_assets::Material::default()
    );
    assert_eq!(file.library.images.len(), 1, "only what is used");
    let messages: Vec<_> = file.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "/materials/0/pbrMetallicRoughness/roughnessFactor: 7 is out of range; 1 is used",
            "/meshes/0/primitives/0: its material uses TEXCOORD_3, which it does not have",
        ]
    );
}

/// A red pixel.
pub(crate) fn one_pixel_png() -> Vec<u8> {
    png(1, 1, &[255, 0, 0])
}

/// An RGB picture, stored without compression.
pub(crate) fn png(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    for row in rgb.chunks(width as usize * 3) {
        raw.push(0);
        raw.extend(row);
    }
    // zlib: stored blocks, then Adler-32.
    let mut zlib = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = raw.chunks(65535).collect();
    for (index, block) in blocks.iter().enumerate() {
        zlib.push(u8::from(index + 1 == blocks.len()));
        zlib.extend((block.len() as u16).to_le_bytes());
        zlib.extend((!(block.len() as u16)).to_le_bytes());
        zlib.extend(*block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in &raw {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib), (b"IEND", Vec::new())] {
        file.extend((data.len() as u32).to_be_bytes());
        let mut crc = !0u32;
        for byte in kind.iter().chain(&data) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        file.extend(kind);
        file.extend(data);
        file.extend((!crc).to_be_bytes());
    }
    file
}

#[test]
fn cameras_and_lights() {
    let file = parse(
        br#"{"asset":{"version":"2.0"},"extensionsUsed":["KHR_lights_punctual"],
        "cameras":[
            {"type":"perspective","perspective":{"yfov":0.7,"znear":0.1}},
            {"type":"orthographic","orthographic":{"xmag":2,"ymag":1,"znear":0,"zfar":10},"name":"top"}],
        "extensions":{"KHR_lights_punctual":{"lights":[
            {"type":"directional","intensity":3},
            {"type":"spot","spot":{"innerConeAngle":0.1,"outerConeAngle":0.2},"range":5,"color":[1,0,0]}]}},
        "nodes":[{"camera":1,"extensions":{"KHR_lights_punctual":{"light":1}}}]}"#,
    )
    .unwrap();
    assert_eq!(
        file.cameras[0].projection,
        Projection::Perspective {
            yfov: 0.7,
            aspect: None,
            znear: 0.1,
            zfar: None
        }
    );
    assert_eq!(
        file.cameras[1].projection,
        Projection::Orthographic {
            xmag: 2.0,
            ymag: 1.0,
            znear: 0.0,
            zfar: 10.0
        }
    );
    assert_eq!(
        (file.nodes[0].camera, file.nodes[0].light),
        (Some(1), Some(1))
    );
    assert_eq!(
        (file.lights[0].kind, file.lights[0].intensity),
        (LightKind::Directional, 3.0)
    );
    assert_eq!(
        file.lights[1].kind,
        LightKind::Spot {
            inner_cone: 0.1,
            outer_cone: 0.2
        }
    );
    assert_eq!(
        (file.lights[1].range, file.lights[1].color),
        (Some(5.0), [1.0, 0.0, 0.0])
    );
}

#[test]
fn clips_hold_all_interpolations() {
    let mut bytes = floats(&[0.0, 1.0]);
    bytes.extend(floats(&(0..18).map(|x| x as f32).collect::<Vec<_>>()));
    bytes.extend(floats(&[0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0]));
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"nodes":[{{}}],
        "animations":[{{"name":"turn","samplers":[
            {{"input":0,"output":1,"interpolation":"CUBICSPLINE"}},{{"input":0,"output":2,"interpolation":"STEP"}}],
            "channels":[
                {{"sampler":0,"target":{{"node":0,"path":"translation"}}}},
                {{"sampler":1,"target":{{"node":0,"path":"rotation"}}}},
                {{"sampler":1,"target":{{"path":"rotation"}}}}]}}],
        "accessors":[
            {{"bufferView":0,"componentType":5126,"count":2,"type":"SCALAR","min":[0],"max":[1]}},
            {{"bufferView":0,"byteOffset":8,"componentType":5126,"count":6,"type":"VEC3"}},
            {{"bufferView":0,"byteOffset":80,"componentType":5126,"count":2,"type":"VEC4"}}],
        "bufferViews":[{{"buffer":0,"byteLength":112}}],"buffers":[{{"byteLength":{}}}]}}"#,
        bytes.len()
    );
    let file = parse(&glb(&json, &bytes)).unwrap();
    let clip = file.library.clips.get(file.clips[0]).unwrap();
    assert_eq!(
        (clip.name.as_str(), clip.duration(), clip.tracks.len()),
        ("turn", 1.0, 2)
    );
    assert_eq!(clip.tracks[0].interpolation, Interpolation::CubicSpline);
    assert!(
        matches!(&clip.tracks[0].values, TrackValues::Translation(v) if v.len() == 6 && v[1] == [3.0, 4.0, 5.0])
    );
    assert!(
        matches!(&clip.tracks[1].values, TrackValues::Rotation(v) if *v == [[0.0, 0.0, 0.0, 1.0]; 2]),
        "normalized"
    );
    let messages: Vec<_> = file.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "/accessors/2: 1 rotations are not unit quaternions; they are normalized",
            "/animations/0/channels/2: names no node; it is left out",
        ]
    );
}

#[test]
fn progress_counts_to_its_total_and_can_stop() {
    use std::{
        ops::ControlFlow,
        sync::{Arc, Mutex},
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let options = gltf::LoadOptions::default().with_progress(move |progress| {
        log.lock()
            .unwrap()
            .push((progress.stage, progress.done, progress.total));
        ControlFlow::Continue(())
    });
    gltf::parse(&triangle(), &mut |_| unreachable!(), &options).unwrap();
    use gltf::Stage::{Buffer, Document, Primitive};
    assert_eq!(
        *seen.lock().unwrap(),
        [(Document, 0, 2), (Buffer, 1, 2), (Primitive, 2, 2)]
    );

    let options = gltf::LoadOptions::default().with_progress(|_| ControlFlow::Break(()));
    let error = gltf::parse(&triangle(), &mut |_| unreachable!(), &options).unwrap_err();
    assert_eq!(error.to_string(), "memory: loading was cancelled");
}

#[test]
fn ids_follow_source_and_place() {
    let options = |source: &str| gltf::LoadOptions::default().with_source(source);
    let read =
        |source: &str| gltf::parse(&triangle(), &mut |_| unreachable!(), &options(source)).unwrap();
    let (a, again, b) = (read("a"), read("a"), read("b"));
    let mesh = |file: &gltf::Gltf| file.meshes[0].primitives[0].mesh;
    assert_eq!(mesh(&a), mesh(&again));
    assert_ne!(mesh(&a), mesh(&b));
    assert_eq!(
        mesh(&a),
        storm_assets::Handle::of("a", "mesh/0/primitive/0")
    );
}

#[test]
fn a_primitive_without_positions_is_left_out() {
    let file = parse(&triangle_with(r#""POSITION": 0"#, r#""_OTHER": 0"#)).unwrap();
    assert!(file.meshes[0].primitives.is_empty());
    assert_eq!(
        file.warnings[0].to_string(),
        "/meshes/0/primitives/0: has no POSITION: left out"
    );
}

#[test]
fn a_normal_texture_asks_for_tangents() {
    let mut bytes = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    bytes.extend(floats(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]));
    // On the first UV set the texture is upright, on the second it is turned by 90°.
    bytes.extend(floats(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]));
    bytes.extend(floats(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0]));
    for (set, tangent) in [(0, [1.0, 0.0, 0.0, 1.0]), (1, [0.0, 1.0, 0.0, 1.0])] {
        let json = format!(
            r#"{{"asset":{{"version":"2.0"}},
            "meshes":[{{"primitives":[{{"attributes":{{"POSITION":0,"NORMAL":1,"TEXCOORD_0":2,"TEXCOORD_1":3}},"material":0}}]}}],
            "materials":[{{"normalTexture":{{"index":0,"texCoord":{set}}}}}],"textures":[{{"source":0}}],
            "images":[{{"uri":"data:image/png;base64,{}"}}],
            "accessors":[
                {{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}},
                {{"bufferView":0,"byteOffset":36,"componentType":5126,"count":3,"type":"VEC3"}},
                {{"bufferView":0,"byteOffset":72,"componentType":5126,"count":3,"type":"VEC2"}},
                {{"bufferView":0,"byteOffset":96,"componentType":5126,"count":3,"type":"VEC2"}}],
            "bufferViews":[{{"buffer":0,"byteLength":120}}],"buffers":[{{"byteLength":120}}]}}"#,
            base64(&one_pixel_png())
        );
        let file = parse(&glb(&json, &bytes)).unwrap();
        let mesh = only_mesh(&file);
        assert_eq!(mesh.tangents.len(), 3);
        for found in &mesh.tangents {
            assert!(
                found
                    .iter()
                    .zip(&tangent)
                    .all(|(a, b): (&f32, &f32)| (a - b).abs() < 1e-6),
                "set {set}: {found:?}"
            );
        }
    }
}

#[test]
fn primitives_that_differ_only_in_material_share_their_mesh() {
    let primitive = |rest: &str| format!(r#"{{"attributes":{{"POSITION":0}}{rest}}}"#);
    let json = format!(
        r#"{{"asset":{{"version":"2.0"}},"materials":[{{}},{{}}],
        "meshes":[{{"primitives":[{},{},{}]}},{{"primitives":[{}]}},{{"primitives":[{}]}}],
        "accessors":[{{"componentType":5126,"count":3,"type":"VEC3"}},{{"componentType":5126,"count":3,"type":"VEC3"}}]}}"#,
        primitive(r#","material":0"#),
        primitive(r#","material":1"#),
        primitive(r#","mode":0"#),
        primitive(""),
        r#"{"attributes":{"POSITION":1}}"#,
    );
    let file = parse(json.as_bytes()).unwrap();
    let handles: Vec<_> = file
        .meshes
        .iter()
        .flat_map(|group| &group.primitives)
        .map(|primitive| primitive.mesh)
        .collect();
    assert_eq!(handles[0], handles[1], "another material");
    assert_eq!(handles[0], handles[3], "another mesh");
    assert_ne!(handles[0], handles[2], "another mode");
    assert_ne!(handles[0], handles[4], "another accessor");
    assert_eq!((file.summary.primitives, file.summary.meshes), (5, 3));
    assert_eq!(file.library.meshes.len(), 3);
}
