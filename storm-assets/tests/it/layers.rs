//! What the extensions of materials, nodes and animations become, and what stays where one is put aside.

use glam::Vec3;
use storm_assets::{
    Anisotropy, Clearcoat, Iridescence, Material, PointerObject, Sheen, Specular, TextureSlot,
    TextureTransform, TrackValues, Transmission, Volume, Wrap,
    gltf::{self, Gltf, LoadOptions, SUPPORTED_EXTENSIONS},
};

use super::{
    fixture::{base64, floats, glb, parse, refusal},
    geometry::png,
};

/// A file with one material, two textures of one image and two samplers.
fn with_material(material: &str) -> Vec<u8> {
    let picture = base64(&png(1, 1, &[255; 4]));
    glb(
        &format!(
            r#"{{
    "asset": {{"version": "2.0"}},
    "extensionsUsed": [{}],
    "images": [{{"uri": "data:image/png;base64,{picture}"}}],
    "samplers": [{{"wrapS": 33071}}, {{"wrapS": 33648}}],
    "textures": [{{"source": 0, "sampler": 0}}, {{"source": 0, "sampler": 1}}],
    "materials": [{material}]
}}"#,
            SUPPORTED_EXTENSIONS
                .iter()
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        &[],
    )
}

fn material(json: &str) -> Material {
    let file = parse(&with_material(json)).unwrap();
    assert_eq!(file.warnings, [], "{json}");
    (**file.library.materials.get(file.materials[0]).unwrap()).clone()
}

/// The slot of `{"index": 1, "texCoord": uv_set}` in the file of [`with_material`].
fn slot(uv_set: u32) -> TextureSlot {
    let base = material(&format!(
        r#"{{"emissiveTexture": {{"index": 1, "texCoord": {uv_set}}}}}"#
    ));
    let slot = base.emissive_texture.unwrap();
    assert_eq!(
        (slot.uv_set, slot.sampler.wrap_u),
        (uv_set, Wrap::MirroredRepeat)
    );
    slot
}

#[test]
fn each_extension_fills_its_layer_and_nothing_else() {
    let texture = |uv_set: u32| format!(r#"{{"index": 1, "texCoord": {uv_set}}}"#);
    let default = Material::default;
    let cases: Vec<(String, Material)> = vec![
        (
            r#""KHR_materials_unlit": {}"#.to_owned(),
            Material {
                unlit: true,
                ..default()
            },
        ),
        (
            r#""KHR_materials_emissive_strength": {"emissiveStrength": 7}"#.to_owned(),
            Material {
                emissive_strength: 7.0,
                ..default()
            },
        ),
        (
            r#""KHR_materials_ior": {"ior": 1.33}"#.to_owned(),
            Material {
                ior: 1.33,
                ..default()
            },
        ),
        (
            r#""KHR_materials_ior": {"ior": 0}"#.to_owned(),
            Material {
                ior: 0.0,
                ..default()
            },
        ),
        (
            r#""KHR_materials_dispersion": {"dispersion": 0.5}"#.to_owned(),
            Material {
                dispersion: 0.5,
                ..default()
            },
        ),
        (
            r#""KHR_materials_specular": {}"#.to_owned(),
            Material {
                specular: Some(Specular::default()),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_specular": {{"specularFactor": 0.5, "specularTexture": {}, "specularColorFactor": [0, 1, 2],
                   "specularColorTexture": {}}}"#,
                texture(1),
                texture(2)
            ),
            Material {
                specular: Some(Specular {
                    factor: 0.5,
                    texture: Some(slot(1)),
                    color: [0.0, 1.0, 2.0],
                    color_texture: Some(slot(2)),
                }),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_clearcoat": {{"clearcoatFactor": 1, "clearcoatTexture": {}, "clearcoatRoughnessFactor": 0.25,
                   "clearcoatRoughnessTexture": {}, "clearcoatNormalTexture": {{"index": 1, "texCoord": 3, "scale": 0.5}}}}"#,
                texture(1),
                texture(2)
            ),
            Material {
                clearcoat: Some(Clearcoat {
                    factor: 1.0,
                    texture: Some(slot(1)),
                    roughness: 0.25,
                    roughness_texture: Some(slot(2)),
                    normal_texture: Some(slot(3)),
                    normal_scale: 0.5,
                }),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_sheen": {{"sheenColorFactor": [1, 0.5, 0], "sheenColorTexture": {}, "sheenRoughnessFactor": 0.25,
                   "sheenRoughnessTexture": {}}}"#,
                texture(1),
                texture(2)
            ),
            Material {
                sheen: Some(Sheen {
                    color: [1.0, 0.5, 0.0],
                    color_texture: Some(slot(1)),
                    roughness: 0.25,
                    roughness_texture: Some(slot(2)),
                }),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_transmission": {{"transmissionFactor": 0.5, "transmissionTexture": {}}}"#,
                texture(1)
            ),
            Material {
                transmission: Some(Transmission {
                    factor: 0.5,
                    texture: Some(slot(1)),
                }),
                ..default()
            },
        ),
        (
            r#""KHR_materials_volume": {}"#.to_owned(),
            Material {
                volume: Some(Volume {
                    attenuation_distance: f32::INFINITY,
                    ..Volume::default()
                }),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_volume": {{"thicknessFactor": 2, "thicknessTexture": {}, "attenuationDistance": 0.5,
                   "attenuationColor": [1, 0, 0]}}"#,
                texture(1)
            ),
            Material {
                volume: Some(Volume {
                    thickness: 2.0,
                    thickness_texture: Some(slot(1)),
                    attenuation_distance: 0.5,
                    attenuation_color: [1.0, 0.0, 0.0],
                }),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_anisotropy": {{"anisotropyStrength": 0.5, "anisotropyRotation": -7, "anisotropyTexture": {}}}"#,
                texture(1)
            ),
            Material {
                anisotropy: Some(Anisotropy {
                    strength: 0.5,
                    rotation: -7.0,
                    texture: Some(slot(1)),
                }),
                ..default()
            },
        ),
        (
            format!(
                r#""KHR_materials_iridescence": {{"iridescenceFactor": 1, "iridescenceTexture": {}, "iridescenceIor": 1.8,
                   "iridescenceThicknessMinimum": 10, "iridescenceThicknessMaximum": 20, "iridescenceThicknessTexture": {}}}"#,
                texture(1),
                texture(2)
            ),
            Material {
                iridescence: Some(Iridescence {
                    factor: 1.0,
                    texture: Some(slot(1)),
                    ior: 1.8,
                    thickness_min: 10.0,
                    thickness_max: 20.0,
                    thickness_texture: Some(slot(2)),
                }),
                ..default()
            },
        ),
    ];
    for (extension, expected) in cases {
        let json = format!(r#"{{"extensions": {{{extension}}}}}"#);
        let found = material(&json);
        assert_eq!(found, expected, "{extension}");
        // Put aside, it leaves the core values.
        let name = extension.split('"').nth(1).unwrap();
        let options = LoadOptions::default().without(&[name]);
        let file = gltf::parse(&with_material(&json), &mut |_| unreachable!(), &options).unwrap();
        let core = file.library.materials.get(file.materials[0]).unwrap();
        assert_eq!(**core, Material::default(), "{extension}");
        assert_eq!(file.warning_count, 1, "{extension}");
        let mut slots = found.clone();
        assert_eq!(
            slots.textures_mut().flatten().count(),
            found.textures().count(),
            "{extension}"
        );
    }
}

#[test]
fn factors_out_of_range_are_clamped_and_noted() {
    let cases = [
        ("KHR_materials_ior", "ior", "0.5"),
        ("KHR_materials_emissive_strength", "emissiveStrength", "-1"),
        ("KHR_materials_dispersion", "dispersion", "-1"),
        ("KHR_materials_specular", "specularFactor", "2"),
        (
            "KHR_materials_specular",
            "specularColorFactor",
            "[-1, 0, 0]",
        ),
        ("KHR_materials_clearcoat", "clearcoatFactor", "2"),
        ("KHR_materials_clearcoat", "clearcoatRoughnessFactor", "-1"),
        ("KHR_materials_sheen", "sheenColorFactor", "[2, 0, 0]"),
        ("KHR_materials_transmission", "transmissionFactor", "2"),
        ("KHR_materials_volume", "thicknessFactor", "-1"),
        ("KHR_materials_volume", "attenuationDistance", "0"),
        ("KHR_materials_anisotropy", "anisotropyStrength", "2"),
        ("KHR_materials_iridescence", "iridescenceIor", "0"),
    ];
    for (extension, key, value) in cases {
        let json = format!(r#"{{"extensions": {{{extension:?}: {{{key:?}: {value}}}}}}}"#);
        let file = parse(&with_material(&json)).unwrap();
        let pointers: Vec<_> = file.warnings.iter().map(|w| w.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [format!("/materials/0/extensions/{extension}/{key}")]
        );
    }
    let wrong = r#"{"extensions": {"KHR_materials_unlit": 7}}"#;
    assert_eq!(
        refusal(&with_material(wrong)),
        "/materials/0/extensions/KHR_materials_unlit: expected an object, found 7"
    );
}

#[test]
fn texture_transforms_move_uvs_and_may_choose_their_set() {
    let moved = r#"{"index": 0, "texCoord": 1, "extensions": {"KHR_texture_transform":
        {"offset": [0.5, 1], "rotation": 1.5, "scale": [2, 3], "texCoord": 4}}}"#;
    let slot = material(&format!(r#"{{"normalTexture": {moved}}}"#))
        .normal_texture
        .unwrap();
    assert_eq!(slot.uv_set, 4);
    let expected = TextureTransform {
        offset: [0.5, 1.0],
        rotation: 1.5,
        scale: [2.0, 3.0],
    };
    assert_eq!(slot.transform, expected);
    // The matrices of the extension: translation · rotation · scale, with V downwards.
    let (sin, cos) = 1.5f32.sin_cos();
    let [u, v] = slot.transform.apply([1.0, 1.0]);
    assert!((u - (0.5 + 2.0 * cos + 3.0 * sin)).abs() < 1e-6);
    assert!((v - (1.0 - 2.0 * sin + 3.0 * cos)).abs() < 1e-6);

    let options = LoadOptions::default().without(&["KHR_texture_transform"]);
    let json = format!(r#"{{"normalTexture": {moved}}}"#);
    let file = gltf::parse(&with_material(&json), &mut |_| unreachable!(), &options).unwrap();
    let plain = file.library.materials.get(file.materials[0]).unwrap();
    let plain = plain.normal_texture.unwrap();
    assert_eq!(
        (plain.uv_set, plain.transform),
        (1, TextureTransform::IDENTITY)
    );
}

#[test]
fn what_a_consumer_cannot_draw_is_refused_where_it_is_required() {
    for name in SUPPORTED_EXTENSIONS {
        let json = format!(
            r#"{{"asset": {{"version": "2.0"}}, "extensionsUsed": [{name:?}], "extensionsRequired": [{name:?}]}}"#
        );
        assert!(parse(json.as_bytes()).is_ok(), "{name}");
        let options = LoadOptions::default().without(&[name]);
        let error = gltf::parse(json.as_bytes(), &mut |_| unreachable!(), &options).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("memory: requires the extension {name}, which is not supported")
        );
    }
}

const SCENE: &str = r#"{
    "asset": {"version": "2.0"},
    "extensionsUsed": ["EXT_mesh_gpu_instancing", "KHR_node_visibility", "KHR_animation_pointer", "KHR_materials_variants",
        "KHR_xmp_json_ld", "KHR_lights_punctual", "ACME_fog"],
    "extensions": {
        "KHR_materials_variants": {"variants": [{"name": "day"}, {"name": "night"}]},
        "KHR_lights_punctual": {"lights": [{"type": "point"}]},
        "KHR_xmp_json_ld": {"packets": [{"dc:title": "a \"cart\"\n"}]}
    },
    "scene": 0,
    "scenes": [{"nodes": [0, 1]}],
    "nodes": [
        {"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 1, "ROTATION": 2, "SCALE": 1}}}},
        {"mesh": 0, "children": [2], "extensions": {"KHR_node_visibility": {"visible": false}}, "extras": {"id": [1, 2.5, null]}},
        {"extensions": {"ACME_fog": {"density": 1e300}, "KHR_lights_punctual": {"light": 0, "extras": 7}}}
    ],
    "materials": [{"name": "base"}, {"name": "lamp"}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "material": 0,
        "extensions": {"KHR_materials_variants": {"mappings": [{"material": 1, "variants": [1]}]}}}]}],
    "animations": [{
        "samplers": [{"input": 3, "output": 4}, {"input": 3, "output": 1}, {"input": 3, "output": 5}],
        "channels": [
            {"sampler": 0, "target": {"path": "pointer", "extensions":
                {"KHR_animation_pointer": {"pointer": "/materials/1/emissiveFactor"}}}},
            {"sampler": 1, "target": {"path": "pointer", "extensions": {"KHR_animation_pointer": {"pointer": "/nodes/2/translation"}}}},
            {"sampler": 2, "target": {"path": "pointer", "extensions":
                {"KHR_animation_pointer": {"pointer": "/extensions/KHR_lights_punctual/lights/0/intensity"}}}},
            {"sampler": 0, "target": {"path": "pointer", "extensions": {"KHR_animation_pointer": {"pointer": "/materials/9/emissiveFactor"}}}}
        ]
    }],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
        {"bufferView": 0, "byteOffset": 12, "componentType": 5126, "count": 2, "type": "VEC3"},
        {"bufferView": 1, "componentType": 5120, "normalized": true, "count": 2, "type": "VEC4"},
        {"bufferView": 2, "componentType": 5126, "count": 2, "type": "SCALAR", "min": [0], "max": [1]},
        {"bufferView": 0, "componentType": 5126, "count": 2, "type": "VEC3"},
        {"bufferView": 2, "componentType": 5126, "count": 4, "type": "SCALAR"}
    ],
    "bufferViews": [
        {"buffer": 0, "byteLength": 36},
        {"buffer": 0, "byteOffset": 36, "byteLength": 8},
        {"buffer": 0, "byteOffset": 44, "byteLength": 16}
    ],
    "buffers": [{"byteLength": 60}]
}"#;

fn scene_bytes() -> Vec<u8> {
    let mut bytes = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    bytes.extend([0, 0, 0, 127, 127, 0, 0, 0]);
    bytes.extend(floats(&[0.0, 1.0, 2.0, 3.0]));
    bytes
}

fn scene() -> Gltf {
    parse(&glb(SCENE, &scene_bytes())).unwrap()
}

#[test]
fn instances_visibility_and_variants() {
    let file = scene();
    let instances = &file.nodes[0].instances;
    assert_eq!(instances.len(), 2);
    assert_eq!(instances[0].translation, Vec3::new(1.0, 0.0, 0.0));
    assert_eq!(instances[1].scale, Vec3::new(0.0, 1.0, 0.0));
    assert_eq!(instances[1].rotation.to_array(), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        file.nodes.iter().map(|n| n.visible).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(file.variants, ["day", "night"]);
    let [change] = file.meshes[0].variants[..] else {
        panic!("{:?}", file.meshes[0].variants)
    };
    assert_eq!((change.primitive, change.variant), (0, 1));
    assert_eq!(change.material, file.materials[1]);
}

#[test]
fn pointers_become_tracks_of_nodes_or_stay_pointers() {
    let file = scene();
    let clip = file.library.clips.get(file.clips[0]).unwrap();
    assert_eq!(clip.tracks.len(), 1);
    assert_eq!(clip.tracks[0].node, 2);
    assert!(
        matches!(&clip.tracks[0].values, TrackValues::Translation(values) if values.len() == 2)
    );
    let pointers: Vec<_> = clip
        .pointers
        .iter()
        .map(|track| {
            (
                track.pointer.as_str(),
                track.object,
                track.width,
                &track.values[..],
            )
        })
        .collect();
    assert_eq!(
        pointers,
        [
            (
                "/materials/1/emissiveFactor",
                PointerObject::Material(1),
                3,
                &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0][..]
            ),
            (
                "/extensions/KHR_lights_punctual/lights/0/intensity",
                PointerObject::Light(0),
                2,
                &[0.0, 1.0, 2.0, 3.0]
            ),
        ]
    );
    assert_eq!(clip.duration(), 1.0);
    let notes: Vec<_> = file.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "/extensionsUsed/6: the extension ACME_fog is not supported; the core values are used instead",
            "/animations/0/channels/3/target/extensions/KHR_animation_pointer/pointer: points at nothing that can be driven; it is left out",
        ]
    );
}

#[test]
fn extras_packets_and_unknown_extensions_are_kept_word_for_word() {
    let file = scene();
    let kept: Vec<_> = file
        .kept
        .iter()
        .map(|kept| (kept.owner.as_str(), kept.name.as_str(), kept.json.as_str()))
        .collect();
    assert_eq!(
        kept,
        [
            (
                "",
                "KHR_xmp_json_ld",
                r#"{"packets":[{"dc:title":"a \"cart\"\u000a"}]}"#
            ),
            ("/nodes/1", "extras", r#"{"id":[1,2.5,null]}"#),
            ("/nodes/2", "ACME_fog", r#"{"density":1e+300}"#),
            ("/nodes/2/extensions/KHR_lights_punctual", "extras", "7"),
        ]
    );
}

#[test]
fn broken_extensions_are_refused_by_place() {
    let with = |from: &str, to: &str| {
        assert!(SCENE.contains(from), "{from}");
        refusal(&glb(&SCENE.replace(from, to), &scene_bytes()))
    };
    let cases = [
        (
            r#""TRANSLATION": 1, "#,
            r#""TRANSLATION": 0, "#,
            "/nodes/0/extensions/EXT_mesh_gpu_instancing/attributes: expected attributes of the same count, found 2 in \"ROTATION\"",
        ),
        (
            r#"{"TRANSLATION": 1, "ROTATION": 2, "SCALE": 1}"#,
            "{}",
            "/nodes/0/extensions/EXT_mesh_gpu_instancing/attributes: expected at least one attribute, found an object of 0 members",
        ),
        (
            r#""variants": [1]"#,
            r#""variants": [1, 1]"#,
            "/meshes/0/primitives/0/extensions/KHR_materials_variants/mappings/0/variants/1: expected each variant once, found 1 again",
        ),
        (
            r#""variants": [1]"#,
            r#""variants": [2]"#,
            "/meshes/0/primitives/0/extensions/KHR_materials_variants/mappings/0/variants/0: expected the index of one of 2 variants, found 2",
        ),
        (
            r#"{"visible": false}"#,
            r#"{"visible": 0}"#,
            "/nodes/1/extensions/KHR_node_visibility/visible: expected true or false, found 0",
        ),
        (
            "/materials/9/emissiveFactor",
            "/materials/1/emissiveFactor",
            "/animations/0/channels/3: expected a property that no other channel drives, found \"/materials/1/emissiveFactor\" again",
        ),
        (
            r#""count": 4, "type": "SCALAR""#,
            r#""count": 3, "type": "SCALAR""#,
            "/accessors/5: expected a multiple of 2 values, found 3",
        ),
    ];
    for (from, to, message) in cases {
        assert_eq!(with(from, to), message);
    }
}
