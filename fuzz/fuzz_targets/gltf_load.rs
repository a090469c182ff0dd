//! Any bytes as a .gltf or .glb: nothing panics, what is read keeps its promises, and can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use storm_assets::{
    animation::{Player, Pose},
    gltf::{self, Accessors, Limits, LoadOptions, WriteOptions},
};

fuzz_target!(|bytes: &[u8]| {
    let mut limits = Limits::default();
    // Small purses keep each run short; the code that guards them is the same.
    limits.value_bytes_base = 8 << 20;
    limits.image_bytes_max = 8 << 20;
    limits.node_depth_max = 64;
    let options = LoadOptions::default().with_limits(limits.clone());
    // A file beside the glTF: a PNG header would rarely come by itself.
    let mut beside = |request: gltf::Request<'_>| -> std::io::Result<Vec<u8>> {
        let byte = request.uri.len() as u8;
        Ok((0..4096u32).map(|i| (i as u8).wrapping_mul(byte)).collect())
    };
    match gltf::parse(bytes, &mut beside, &options) {
        Err(error) => {
            let message = error.to_string();
            assert!(
                !message.contains('\n') && message.len() < 2_000,
                "{message}"
            );
        }
        Ok(file) => {
            check(&file, &limits);
            write(&file);
            in_place(bytes, &mut beside, &options);
        }
    }
});

/// Whatever is read can be played.
fn play(file: &gltf::Gltf) {
    let rig = file.rig();
    let mut player = Player::new();
    for clip in 0..rig.clip_count() {
        player.play(0, clip);
    }
    let mut pose = Pose::new(&rig);
    for step in [0.0, 0.1, 1.0, -7.0, 1e9] {
        player.advance(&rig, step);
        player.evaluate(&rig, &mut pose);
    }
    assert_eq!(pose.values().len(), rig.rest().len());
}

fn check(file: &gltf::Gltf, limits: &Limits) {
    for (_, mesh) in file.library.meshes.iter() {
        assert_eq!(mesh.check(), Ok(()));
        for normal in &mesh.normals {
            let square: f32 = normal.iter().map(|x| x * x).sum();
            assert!((0.9..1.1).contains(&square), "{normal:?}");
        }
        for [x, y, z, w] in &mesh.tangents {
            assert!((0.9..1.1).contains(&(x * x + y * y + z * z)) && w.abs() == 1.0);
        }
        assert!(mesh.positions.as_flattened().iter().all(|x| x.is_finite()));
    }
    for (_, material) in file.library.materials.iter() {
        for slot in material.textures() {
            assert!(file.library.images.get(slot.image).is_some());
        }
    }
    for handle in &file.clips {
        for track in &file.library.clips.get(*handle).expect("listed").tracks {
            assert!((track.node as usize) < file.nodes.len());
            assert_eq!(
                track.values.len(),
                track.times.len() * track.interpolation.values_per_key()
            );
        }
    }
    play(file);
    assert_eq!(file.world_matrices().len(), file.nodes.len());
    for scene in 0..file.scenes.len() {
        let nodes = file.scene_nodes(Some(scene));
        assert!(nodes.len() <= file.nodes.len());
    }
    for warning in &file.warnings {
        let line = warning.to_string();
        assert!(!line.contains('\n') && line.len() < 40_000, "{line}");
    }
    if let Ok(posed) = file.rest_pose(None, limits) {
        for primitive in posed {
            assert_eq!(primitive.mesh.check(), Ok(()));
        }
    }
}

fn write(file: &gltf::Gltf) {
    let written = file
        .to_glb(&WriteOptions::default())
        .expect("what was read can be written");
    let no_file = &mut |_: gltf::Request<'_>| Err(std::io::Error::other("all is inside"));
    let again = gltf::parse(&written.bytes, no_file, &LoadOptions::default())
        .expect("what was written can be read");
    assert_eq!(again.nodes.len(), file.nodes.len());
    assert_eq!(again.materials.len(), file.materials.len());
    assert_eq!(again.skins.len(), file.skins.len());
    let twice = again.to_glb(&WriteOptions::default()).expect("once more");
    assert!(twice.bytes == written.bytes || !written.left_out.is_empty());
    let small = file
        .to_glb(&WriteOptions::default().with_quantize(true))
        .expect("quantised");
    gltf::parse(&small.bytes, no_file, &LoadOptions::default()).expect("quantised can be read");
}

fn in_place(bytes: &[u8], beside: &mut gltf::Resolver<'_>, options: &LoadOptions) {
    // Primitives without positions are left out by the reader, whatever else they name; here they are an error.
    let Ok(file) = Accessors::parse(bytes, beside, options) else {
        return;
    };
    for index in 0..file.len() {
        let view = file.get(index).expect("it is one of so many");
        if let Some(bytes) = view.bytes {
            assert_eq!(bytes.len(), view.stride * (view.count - 1) + extent(&view));
        }
        if let Some(slice) = view.slice::<[f32; 3]>() {
            assert_eq!(slice.len(), view.count);
        }
    }
}

/// Bytes of an element without what stands between it and the next.
fn extent(view: &gltf::AccessorView<'_>) -> usize {
    let (size, columns) = match view.shape {
        gltf::Shape::Mat2 => (2, 2),
        gltf::Shape::Mat3 => (3, 3),
        gltf::Shape::Mat4 => (4, 4),
        shape => (shape.components(), 1),
    };
    let column = size * view.component.bytes();
    // Columns of matrices begin on words.
    (columns - 1) * column.next_multiple_of(4) + column
}
