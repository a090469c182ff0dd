//! Writing: what was read is written, and reading that gives the same values.

use std::collections::{BTreeMap, BTreeSet};

use storm_assets::{
    Handle, Image, Library, Material, Mesh, MeshLevel, MorphTarget, TextureSlot,
    gltf::{
        self, Gltf, LoadOptions, MeshGroup, Node, PictureFormat, Primitive, Scene, WriteError,
        WriteOptions, validate,
    },
};

use super::{corpus, fixture};

fn again(bytes: &[u8], name: &str) -> Gltf {
    let options = LoadOptions::default().keep_encoded();
    gltf::parse(bytes, &mut |_| panic!("{name}: all is inside"), &options)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The codes of the errors that the validator finds.
fn errors(report: &validate::Report) -> BTreeSet<&'static str> {
    let errors = report
        .issues
        .iter()
        .filter(|issue| issue.severity == validate::Severity::Error);
    errors.map(|issue| issue.code).collect()
}

/// What the validator says of written bytes.
fn validated(bytes: &[u8]) -> validate::Report {
    let no_file = &mut |_: gltf::Request<'_>| Err(std::io::Error::other("no file"));
    validate::validate(bytes, no_file, &validate::ValidateOptions::default()).unwrap()
}

/// A material with the pixels of its textures in place of their ids.
fn resolved(library: &Library, handle: Handle<Material>) -> (Material, Vec<(u32, u32, Vec<u8>)>) {
    let mut material = (**library.materials.get(handle).unwrap()).clone();
    // The factor of a texture that has no picture says nothing.
    if material.normal_texture.is_none() {
        material.normal_scale = 1.0;
    }
    if material.occlusion_texture.is_none() {
        material.occlusion_strength = 1.0;
    }
    if let Some(coat) = material.clearcoat.as_mut()
        && coat.normal_texture.is_none()
    {
        coat.normal_scale = 1.0;
    }
    let mut pictures = Vec::new();
    for slot in material.textures_mut().flatten() {
        let image = library.images.get(slot.image).unwrap();
        pictures.push((image.width(), image.height(), image.pixels().to_vec()));
        slot.image = Handle::of("any", "image");
    }
    (material, pictures)
}

/// Everything in which two files that say the same are equal, whatever their ids are. `None` stands for what files cannot keep.
fn assert_same(name: &str, a: &Gltf, b: &Gltf) {
    assert_eq!(a.nodes, b.nodes, "{name}: nodes");
    assert_eq!(a.scenes, b.scenes, "{name}: scenes");
    assert_eq!(a.default_scene, b.default_scene, "{name}: default scene");
    assert_eq!(a.cameras, b.cameras, "{name}: cameras");
    assert_eq!(a.lights, b.lights, "{name}: lights");
    assert_eq!(a.variants, b.variants, "{name}: variants");
    assert_eq!(a.copyright, b.copyright, "{name}: copyright");
    assert_eq!(a.generator, b.generator, "{name}: generator");
    let names = |file: &Gltf| {
        file.images
            .iter()
            .map(|image| image.name.clone())
            .collect::<Vec<_>>()
    };
    assert!(
        a.images.len() > b.images.len() || names(a) == names(b),
        "{name}: names of pictures"
    );
    assert_eq!(a.materials.len(), b.materials.len(), "{name}: materials");
    for (one, other) in a.materials.iter().zip(&b.materials) {
        assert_eq!(
            resolved(&a.library, *one),
            resolved(&b.library, *other),
            "{name}: a material"
        );
    }
    assert_eq!(a.meshes.len(), b.meshes.len(), "{name}: meshes");
    // Primitives that shared a geometry share it again.
    let mut shared = BTreeMap::new();
    for (one, other) in a.meshes.iter().zip(&b.meshes) {
        assert_eq!(one.name, other.name, "{name}: the name of a mesh");
        assert_eq!(one.morph_weights, other.morph_weights, "{name}: weights");
        assert_eq!(
            one.primitives.len(),
            other.primitives.len(),
            "{name}: primitives"
        );
        for (p, q) in one.primitives.iter().zip(&other.primitives) {
            let (mesh, mut mesh_again) = (
                a.library.meshes.get(p.mesh).unwrap(),
                (**b.library.meshes.get(q.mesh).unwrap()).clone(),
            );
            // Its last part is the place among the primitives of the file, and those that draw nothing are gone.
            mesh_again.name.clone_from(&mesh.name);
            // A target that says nothing is written as one that moves nothing.
            for (target, written) in mesh.morph_targets.iter().zip(&mut mesh_again.morph_targets) {
                if *target == MorphTarget::default() {
                    assert_eq!(written.positions, vec![[0.0; 3]; mesh.positions.len()]);
                    *written = MorphTarget::default();
                }
            }
            assert!(
                **mesh == mesh_again,
                "{name}: {} is another mesh",
                mesh.name
            );
            assert_eq!(
                *shared.entry(p.mesh).or_insert(q.mesh),
                q.mesh,
                "{name}: sharing"
            );
            assert_eq!(
                resolved(&a.library, p.material),
                resolved(&b.library, q.material),
                "{name}: the material of a primitive"
            );
        }
        assert_eq!(
            one.variants.len(),
            other.variants.len(),
            "{name}: variants of a mesh"
        );
        for (v, w) in one.variants.iter().zip(&other.variants) {
            assert_eq!(
                (v.primitive, v.variant),
                (w.primitive, w.variant),
                "{name}: a variant"
            );
            assert_eq!(
                resolved(&a.library, v.material),
                resolved(&b.library, w.material),
                "{name}: a variant"
            );
        }
    }
    let skins = |file: &Gltf| {
        file.skins
            .iter()
            .map(|skin| (**file.library.skins.get(*skin).unwrap()).clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(skins(a), skins(b), "{name}: skins");
    let clips = |file: &Gltf| {
        file.clips
            .iter()
            .map(|clip| (**file.library.clips.get(*clip).unwrap()).clone())
            .collect::<Vec<_>>()
    };
    let moving: Vec<_> = clips(a)
        .into_iter()
        .filter(|clip| !clip.tracks.is_empty() || !clip.pointers.is_empty())
        .collect();
    assert_eq!(moving, clips(b), "{name}: clips");
    // As JSON means it: the order of members says nothing.
    let kept = |file: &Gltf| {
        let values = file.kept.iter().map(|kept| {
            let value: serde_json::Value = serde_json::from_str(&kept.json).unwrap();
            ((kept.owner.clone(), kept.name.clone()), value)
        });
        values.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(kept(a), kept(b), "{name}: extras and unknown extensions");
}

#[test]
fn every_model_comes_back_as_it_was() {
    let Some(root) = corpus::assets("every_model_comes_back_as_it_was") else {
        return;
    };
    let mut losses = Vec::new();
    let mut compared = 0;
    for set in [
        "gltf-sample-assets",
        "gltf-asset-generator",
        "gltf-transform",
        "gltf-validator",
    ] {
        for path in corpus::models(&root.join(set)) {
            let name = corpus::name(&root, &path);
            let Ok(first) = gltf::load(&path, &LoadOptions::default().keep_encoded()) else {
                continue;
            };
            let written = first
                .to_glb(&WriteOptions::default())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let second = again(&written.bytes, &name);
            let mut expected = first.clone();
            // A file that broke a rule may still break it; writing breaks none.
            let before =
                validate::validate_file(&path, &validate::ValidateOptions::default()).unwrap();
            let report = validated(&written.bytes);
            assert!(
                errors(&report).is_subset(&errors(&before)),
                "{name}: {:?}",
                report.issues
            );
            if !written.left_out.is_empty() {
                losses.extend(
                    written
                        .left_out
                        .iter()
                        .map(|line| format!("{name}: {line}")),
                );
                expected.kept.clone_from(&second.kept);
            }
            if written
                .left_out
                .iter()
                .all(|line| !line.contains("draws nothing"))
            {
                assert_same(&name, &expected, &second);
                compared += 1;
            }
            let small = first
                .to_glb(&WriteOptions::default().with_quantize(true))
                .unwrap();
            let report = validated(&small.bytes);
            assert!(
                errors(&report).is_subset(&errors(&before)),
                "{name}: quantised: {:?}",
                report.issues
            );
            again(&small.bytes, &name);
            let third = second.to_glb(&WriteOptions::default()).unwrap();
            assert!(
                written.bytes == third.bytes,
                "{name}: written twice, it is not the same"
            );
        }
    }
    assert!(compared > 200, "{compared} files were compared");
    losses.sort();
    let known: Vec<_> = include_str!("write_losses.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(losses, known, "what files lose is written down");
}

/// A triangle with one material, below one node.
fn triangle() -> Gltf {
    let (mesh, red) = (Handle::of("test", "mesh"), Handle::of("test", "red"));
    let mut file = Gltf::default();
    let positions = vec![[-1.0, 0.0, 0.0], [3.0, 0.0, 0.5], [0.0, 2.0, 0.0]];
    let value = Mesh {
        positions,
        normals: vec![[0.0, 0.0, 1.0]; 3],
        uvs: vec![vec![[0.0, 0.25], [1.0, 0.0], [0.5, 1.0]]],
        colors: vec![[0.5, 0.25, 1.0, 1.0]; 3],
        indices: vec![0, 2, 1],
        ..Mesh::default()
    };
    file.library.meshes.insert(mesh, value);
    file.library
        .materials
        .insert(red, Material::matte("red", [1.0, 0.0, 0.0], 0.5));
    file.materials.push(red);
    let primitive = Primitive {
        index: 0,
        mesh,
        material: red,
    };
    file.meshes.push(MeshGroup {
        primitives: vec![primitive],
        ..MeshGroup::default()
    });
    file.nodes.push(Node {
        mesh: Some(0),
        ..Node::default()
    });
    file
}

fn mesh_of(file: &mut Gltf) -> &mut Mesh {
    let handle = file.meshes[0].primitives[0].mesh;
    std::sync::Arc::make_mut(file.library.meshes.get_mut(handle).unwrap())
}

#[test]
fn what_makes_no_file_is_an_error_that_says_where() {
    type Break = fn(&mut Gltf);
    let table: &[(Break, &str)] = &[
        (
            |file| file.nodes[0].mesh = Some(7),
            "node 0 names mesh 7, which is not there",
        ),
        (
            |file| file.nodes[0].camera = Some(0),
            "node 0 names camera 0, which is not there",
        ),
        (
            |file| file.nodes[0].light = Some(1),
            "node 0 names light 1, which is not there",
        ),
        (
            |file| file.nodes[0].skin = Some(2),
            "node 0 names skin 2, which is not there",
        ),
        (
            |file| file.nodes[0].children = vec![5],
            "node 0: has a child that is not there",
        ),
        (
            |file| file.nodes[0].children = vec![0],
            "node 0: or another is below itself",
        ),
        (
            |file| {
                file.nodes.push(Node {
                    children: vec![1],
                    ..Node::default()
                });
                file.nodes[0].children = vec![1];
            },
            "node 1: has two parents",
        ),
        (
            |file| {
                file.scenes = vec![Scene {
                    nodes: vec![3],
                    ..Scene::default()
                }]
            },
            "node 3: is shown by a scene and is not there",
        ),
        (
            |file| file.default_scene = Some(0),
            "the file names scene 0, which is not there",
        ),
        (
            |file| file.nodes[0].transform.translation.y = f32::NAN,
            "node 0 is not finite",
        ),
        (
            |file| mesh_of(file).positions[1][0] = f32::INFINITY,
            "positions of primitive 0 of mesh 0 is not finite",
        ),
        (
            |file| mesh_of(file).indices[1] = 9,
            "primitive 0 of mesh 0: index 1 is 9, which is past the 3 vertices",
        ),
        (
            |file| file.meshes[0].morph_weights = vec![1.0],
            "morph weights of mesh 0: expected 0, found 1",
        ),
        (
            |file| file.nodes[0].morph_weights = vec![1.0],
            "morph weights of node 0: expected 0, found 1",
        ),
        (
            |file| {
                let material = file.materials[0];
                let mut value = (**file.library.materials.get(material).unwrap()).clone();
                let image = Handle::of("test", "image");
                value.base_color_texture = Some(TextureSlot {
                    image,
                    sampler: storm_assets::Sampler::default(),
                    uv_set: 0,
                    transform: storm_assets::TextureTransform::IDENTITY,
                });
                file.library.materials.insert(material, value);
            },
            "material 0 names image 9154b7ea5dbb8d0a0d6b5d4a7ed0c4d6, which is not there",
        ),
    ];
    for (break_it, expected) in table {
        let mut file = triangle();
        break_it(&mut file);
        let error = file.to_glb(&WriteOptions::default()).expect_err(expected);
        let (found, expected) = (error.to_string(), expected.to_string());
        // Ids are long.
        let without_id = |text: String| match text.split_once("image ") {
            Some((before, _)) => before.to_owned(),
            None => text,
        };
        assert_eq!(without_id(found), without_id(expected));
    }
    let mut file = triangle();
    file.meshes[0].primitives[0].material = Handle::of("test", "nothing");
    assert!(matches!(
        file.to_glb(&WriteOptions::default()),
        Err(WriteError::Missing { .. })
    ));
}

#[test]
fn what_a_file_cannot_say_is_named() {
    let mut file = triangle();
    let level = MeshLevel {
        indices: vec![0, 1, 2],
        error: 0.5,
    };
    mesh_of(&mut file).levels = vec![level];
    let written = file.to_glb(&WriteOptions::default()).unwrap();
    assert_eq!(
        written.left_out,
        ["primitive 0 of mesh 0: 1 coarser levels"]
    );
    mesh_of(&mut file).indices.clear();
    let written = file.to_glb(&WriteOptions::default()).unwrap();
    assert_eq!(
        written.left_out,
        [
            "primitive 0 of mesh 0: it draws nothing",
            "mesh 0: it draws nothing"
        ]
    );
    assert!(again(&written.bytes, "nothing").meshes.is_empty());
}

#[test]
fn quantised_vertices_are_within_half_a_step_of_where_they_were() {
    let mut file = triangle();
    let target = MorphTarget {
        positions: vec![[0.0; 3], [0.0, -3.5, 0.25], [1.0, 0.0, 0.0]],
        ..MorphTarget::default()
    };
    mesh_of(&mut file).morph_targets = vec![target.clone()];
    file.meshes[0].morph_weights = vec![0.5];
    file.nodes[0].transform.translation = glam::Vec3::new(10.0, 0.0, 0.0);
    file.nodes[0].morph_weights = vec![0.25];
    let exact = file.to_glb(&WriteOptions::default()).unwrap();
    let written = file
        .to_glb(&WriteOptions::default().with_quantize(true))
        .unwrap();
    assert!(
        errors(&validated(&written.bytes)).is_empty(),
        "{:?}",
        validated(&written.bytes).issues
    );
    let found = again(&written.bytes, "quantised");
    assert_eq!(found.extensions_required, ["KHR_mesh_quantization"]);
    // The node keeps its place; one below it undoes the grid.
    assert_eq!(
        (
            found.nodes.len(),
            found.nodes[0].mesh,
            &found.nodes[0].children
        ),
        (2, None, &vec![1])
    );
    assert_eq!(found.nodes[1].morph_weights, [0.25]);
    let matrix = found.nodes[0].transform.matrix() * found.nodes[1].transform.matrix();
    let (before, after) = (
        file.library
            .meshes
            .get(file.meshes[0].primitives[0].mesh)
            .unwrap(),
        found
            .library
            .meshes
            .get(found.meshes[0].primitives[0].mesh)
            .unwrap(),
    );
    let step = 4.0 / 65_535.0;
    for (exact, found) in before.positions.iter().zip(&after.positions) {
        let at =
            matrix.transform_point3(glam::Vec3::from(*found)) - glam::Vec3::new(10.0, 0.0, 0.0);
        assert!(
            (at - glam::Vec3::from(*exact)).abs().max_element() <= 0.5001 * step,
            "{at}"
        );
    }
    for (exact, found) in target
        .positions
        .iter()
        .zip(&after.morph_targets[0].positions)
    {
        let by = matrix.transform_vector3(glam::Vec3::from(*found));
        assert!(
            (by - glam::Vec3::from(*exact)).abs().max_element() <= 1.01 * step,
            "{by}"
        );
    }
    for (exact, found) in before.uvs[0].iter().zip(&after.uvs[0]) {
        assert!((exact[0] - found[0]).abs() < 1e-5 && (exact[1] - found[1]).abs() < 1e-5);
    }
    assert_eq!(after.normals, before.normals);
    assert!(
        exact.bytes.len() > written.bytes.len() - 600,
        "a node, its scale and its strides are not much"
    );
}

/// A triangle whose one morph target a clip drives.
fn morphing() -> Gltf {
    let mut file = triangle();
    mesh_of(&mut file).morph_targets = vec![MorphTarget {
        positions: vec![[1.0; 3]; 3],
        ..MorphTarget::default()
    }];
    file.meshes[0].morph_weights = vec![0.0];
    let clip = Handle::of("test", "clip");
    let track = storm_assets::Track {
        node: 0,
        interpolation: storm_assets::Interpolation::Linear,
        times: vec![0.0, 1.0],
        values: storm_assets::TrackValues::Weights {
            targets: 1,
            values: vec![0.0, 1.0],
        },
    };
    file.library.clips.insert(
        clip,
        storm_assets::Clip {
            tracks: vec![track],
            ..Default::default()
        },
    );
    file.clips.push(clip);
    file
}

#[test]
fn animated_weights_follow_the_mesh_to_the_node_that_undoes_the_grid() {
    let file = morphing();
    let written = file
        .to_glb(&WriteOptions::default().with_quantize(true))
        .unwrap();
    let found = again(&written.bytes, "animated");
    assert_eq!(
        found.library.clips.get(found.clips[0]).unwrap().tracks[0].node,
        1
    );
    assert_eq!(found.nodes[1].mesh, Some(0));
}

/// A picture of 6 × 4 pixels in which every channel says something.
fn picture(alpha: bool) -> Image {
    let pixel = |at: u8| {
        [
            at * 10,
            255 - at * 7,
            at * 3,
            if alpha { 255 - at } else { 255 },
        ]
    };
    Image::new(
        6,
        4,
        storm_assets::PixelFormat::Rgba8,
        (0..24).flat_map(pixel).collect(),
    )
    .unwrap()
}

fn textured(image: Image) -> Gltf {
    let mut file = triangle();
    let (handle, material) = (Handle::of("test", "image"), file.materials[0]);
    file.library.images.insert(handle, image);
    file.images.push(gltf::Picture::new("bricks", handle));
    let mut value = (**file.library.materials.get(material).unwrap()).clone();
    value.normal_texture = Some(TextureSlot {
        image: handle,
        sampler: storm_assets::Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    });
    file.library.materials.insert(material, value);
    file
}

#[test]
fn pictures_are_stored_in_the_format_that_was_asked_for() {
    for (alpha, format, media_type, exact) in [
        (true, PictureFormat::Keep, "image/png", true),
        (true, PictureFormat::Png, "image/png", true),
        (false, PictureFormat::Png, "image/png", true),
        (true, PictureFormat::WebP, "image/webp", true),
        (false, PictureFormat::WebP, "image/webp", true),
        (false, PictureFormat::Jpeg(90), "image/jpeg", false),
        (true, PictureFormat::Jpeg(90), "image/png", true),
    ] {
        let file = textured(picture(alpha));
        let written = file
            .to_glb(&WriteOptions::default().with_pictures(format))
            .unwrap();
        assert!(errors(&validated(&written.bytes)).is_empty(), "{format:?}");
        let found = again(&written.bytes, "pictures");
        assert_eq!(found.images[0].name, "bricks");
        assert_eq!(
            found.images[0].encoded.as_ref().unwrap().media_type,
            media_type,
            "{format:?}"
        );
        let image = found.library.images.get(found.images[0].image).unwrap();
        assert_eq!(**image == picture(alpha), exact, "{format:?}");
        let required = found.extensions_required == ["EXT_texture_webp"];
        assert_eq!(required, media_type == "image/webp", "{format:?}");
    }
}

#[test]
fn pictures_keep_their_bytes_unless_they_are_too_large() {
    let written = textured(picture(false))
        .to_glb(&WriteOptions::default().with_pictures(PictureFormat::Jpeg(50)))
        .unwrap();
    let first = again(&written.bytes, "first");
    let same = again(
        &first.to_glb(&WriteOptions::default()).unwrap().bytes,
        "same",
    );
    assert_eq!(same.images[0].encoded, first.images[0].encoded);
    let small = first
        .to_glb(&WriteOptions::default().with_picture_side_max(5))
        .unwrap();
    let small = again(&small.bytes, "small");
    let image = small.library.images.get(small.images[0].image).unwrap();
    assert_eq!((image.width(), image.height()), (3, 2));
    assert_eq!(
        small.images[0].encoded.as_ref().unwrap().media_type,
        "image/png"
    );
}

#[test]
fn halving_averages_light_and_leaves_out_what_cannot_be_seen() {
    let image = |width, height, pixels: &[[u8; 4]]| {
        Image::new(
            width,
            height,
            storm_assets::PixelFormat::Rgba8,
            pixels.concat(),
        )
        .unwrap()
    };
    let (black, white) = ([0, 0, 0, 255], [255, 255, 255, 255]);
    let half = image(2, 2, &[black, white, white, black]);
    assert_eq!(half.halved(false).pixels(), [128, 128, 128, 255]);
    assert_eq!(
        half.halved(true).pixels(),
        [188, 188, 188, 255],
        "half the light"
    );
    let bleeding = image(2, 1, &[[255, 0, 0, 255], [0, 255, 0, 0]]);
    assert_eq!(bleeding.halved(false).pixels(), [255, 0, 0, 128]);
    let unseen = image(2, 1, &[[10, 0, 0, 0], [20, 0, 0, 0]]);
    assert_eq!(unseen.halved(false).pixels(), [15, 0, 0, 0]);
    let odd = image(3, 1, &[black, black, white]);
    let found = odd.halved(false);
    assert_eq!(
        (found.width(), found.height(), found.pixels()),
        (1, 1, &[85, 85, 85, 255][..])
    );
    assert_eq!(image(1, 1, &[white]).halved(true).pixels(), white);
}

#[test]
fn extras_go_back_to_their_owners() {
    let json = fixture::TRIANGLE
        .replace("\"name\": \"root\"", "\"name\": \"root\", \"extras\": {\"b\": 1, \"a\": [1.5, null]}")
        .replace("\"alphaMode\"", "\"extensions\": {\"X_own\": {\"power\": 3}, \"X_points\": {\"texture\": {\"index\": 0}}}, \"alphaMode\"")
        .replace("\"indices\": 1,", "\"indices\": 1, \"extras\": 4,")
        .replace("\"byteLength\": 42", "\"byteLength\": 42, \"extras\": 5")
        .replace("\"scene\": 0", "\"scene\": 0, \"extensionsUsed\": [\"X_own\", \"X_points\"]");
    let first = fixture::parse(&fixture::glb(&json, &fixture::triangle_bytes())).unwrap();
    let written = first.to_glb(&WriteOptions::default()).unwrap();
    assert_eq!(
        written.left_out,
        [
            "X_points of /materials/0: it may name objects that are made anew",
            "extras of /buffers/0: its owner is made anew",
        ]
    );
    let found = again(&written.bytes, "extras");
    let kept: Vec<_> = found
        .kept
        .iter()
        .map(|kept| (kept.owner.as_str(), kept.name.as_str(), kept.json.as_str()))
        .collect();
    assert_eq!(
        kept,
        [
            ("/materials/0", "X_own", "{\"power\":3}"),
            ("/meshes/0/primitives/0", "extras", "4"),
            ("/nodes/0", "extras", "{\"a\":[1.5,null],\"b\":1}"),
        ]
    );
    assert_eq!(found.extensions_used, ["X_own"]);
}

#[test]
fn a_clip_of_weights_whose_mesh_draws_nothing_is_left_out() {
    // Found by fuzzing: the track stayed, and its node had no mesh any more.
    let mut file = morphing();
    mesh_of(&mut file).indices.clear();
    let written = file.to_glb(&WriteOptions::default()).unwrap();
    let expected = [
        "primitive 0 of mesh 0: it draws nothing",
        "mesh 0: it draws nothing",
        "clip 0: weights of node 0, whose mesh is not written",
        "clip 0: it moves nothing",
    ];
    assert_eq!(written.left_out, expected);
    assert!(again(&written.bytes, "still").clips.is_empty());
}

/// NaN became 0 without a word where vertices were quantised.
#[test]
fn what_is_not_finite_is_not_quantised() {
    use storm_assets::{Handle, Material, Mesh};

    type Break = fn(&mut Mesh);
    let cases: [(Break, &str); 3] = [
        (|mesh| mesh.positions[1][1] = f32::NAN, "positions"),
        (|mesh| mesh.normals[2][0] = f32::NAN, "normals or tangents"),
        (
            |mesh| mesh.morph_targets[0].positions[0][2] = f32::NAN,
            "a morph target",
        ),
    ];
    for (break_it, what) in cases {
        let mut mesh = Mesh {
            positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            indices: vec![0, 1, 2],
            morph_targets: vec![storm_assets::MorphTarget {
                positions: vec![[0.0; 3]; 3],
                ..Default::default()
            }],
            ..Mesh::default()
        };
        break_it(&mut mesh);
        let (handle, material) = (Handle::of("test", "mesh"), Handle::of("test", "material"));
        let mut file = Gltf::default();
        file.library.meshes.insert(handle, mesh);
        file.library.materials.insert(material, Material::default());
        file.meshes.push(MeshGroup {
            primitives: vec![Primitive {
                index: 0,
                mesh: handle,
                material,
            }],
            ..MeshGroup::default()
        });
        let options = WriteOptions::default().with_quantize(true);
        let error = file.to_glb(&options).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{what} of primitive 0 of mesh 0 is not finite")
        );
    }
}
