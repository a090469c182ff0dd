//! What a crowd of skinned characters costs, a frame and a stage: sampling, propagation, extraction, recording, and each pass on the device.
//! `cargo run --release -p storm-viewer --example crowd -- [N] [MODEL]`; without a model the characters are tubes of 24 joints and 1,728 vertices, made here.
#![expect(clippy::print_stdout, reason = "it says what it measured")]

use std::{f32::consts::TAU, sync::Arc, time::Instant};

use glam::{Mat4, Quat, Vec3};
use storm_assets::{
    Clip, Handle, Interpolation, Material, Mesh, Skin, Track, TrackValues,
    animation::{Animation, Animator},
    gltf::{self, Gltf, LoadOptions, MeshGroup, Node, Primitive},
};
use storm_ecs::{
    World,
    scene::{Propagation, Transform},
};
use storm_render::{
    Extractor, Gpu, GpuDesc, ImageTarget, Quality, Renderer, RendererDesc, Scene, View,
};

const JOINTS: usize = 24;
const RINGS: usize = 143;
const SIDES: usize = 12;
const FRAMES: usize = 30;

/// A tube that waves: 1,728 vertices, 24 joints in a chain, a clip of two seconds.
fn tube() -> Gltf {
    let length = 2.0 / JOINTS as f32;
    let mut mesh = Mesh {
        joints: vec![Vec::new()],
        weights: vec![Vec::new()],
        ..Mesh::default()
    };
    for ring in 0..=RINGS {
        let along = ring as f32 / RINGS as f32;
        for side in 0..SIDES {
            let (sin, cos) = (side as f32 / SIDES as f32 * TAU).sin_cos();
            mesh.positions.push([0.1 * cos, 2.0 * along, -0.1 * sin]);
            mesh.normals.push([cos, 0.0, -sin]);
            let place = along * (JOINTS - 1) as f32;
            let joint = place as u16;
            let part = place - f32::from(joint);
            let next = (joint + 1).min(JOINTS as u16 - 1);
            mesh.joints[0].push([joint, next, 0, 0]);
            mesh.weights[0].push([1.0 - part, part, 0.0, 0.0]);
        }
    }
    for ring in 0..RINGS {
        for side in 0..SIDES {
            let at = |ring: usize, side: usize| (ring * SIDES + side % SIDES) as u32;
            let [a, b, c, d] = [
                at(ring, side),
                at(ring, side + 1),
                at(ring + 1, side),
                at(ring + 1, side + 1),
            ];
            mesh.indices.extend([a, b, c, b, d, c]);
        }
    }
    let mut file = Gltf::default();
    let (mesh_handle, material) = (Handle::of("tube", "mesh"), Handle::of("tube", "material"));
    let (skin, clip) = (Handle::of("tube", "skin"), Handle::of("tube", "clip"));
    file.library.meshes.insert(mesh_handle, mesh);
    let clay = Material::matte("clay", [0.8, 0.4, 0.2], 0.6);
    file.library.materials.insert(material, clay);
    let bind = |joint: usize| Mat4::from_translation(Vec3::Y * -length * joint as f32);
    let bones = Skin {
        joints: (0..JOINTS as u32).collect(),
        inverse_bind: (0..JOINTS).map(bind).collect(),
        ..Skin::default()
    };
    file.library.skins.insert(skin, bones);
    let track = |joint: usize| {
        let turn = |key: usize| {
            let angle = (key as f32 / 8.0 * TAU + joint as f32 * 0.4).sin() * 0.15;
            Quat::from_rotation_z(angle).to_array()
        };
        Track {
            node: joint as u32,
            interpolation: Interpolation::Linear,
            times: (0..=8).map(|key| key as f32 * 0.25).collect(),
            values: TrackValues::Rotation((0..=8).map(turn).collect()),
        }
    };
    let wave = Clip {
        name: "wave".to_owned(),
        tracks: (0..JOINTS).map(track).collect(),
        pointers: Vec::new(),
    };
    file.library.clips.insert(clip, wave);
    for joint in 0..JOINTS {
        let mut node = Node {
            parent: joint.checked_sub(1),
            children: if joint + 1 < JOINTS {
                vec![joint + 1]
            } else {
                Vec::new()
            },
            ..Node::default()
        };
        node.transform.translation = if joint == 0 {
            Vec3::ZERO
        } else {
            Vec3::Y * length
        };
        file.nodes.push(node);
    }
    file.nodes.push(Node {
        mesh: Some(0),
        skin: Some(0),
        ..Node::default()
    });
    file.meshes.push(MeshGroup {
        primitives: vec![Primitive {
            mesh: mesh_handle,
            material,
            index: 0,
        }],
        ..MeshGroup::default()
    });
    file.materials.push(material);
    file.skins.push(skin);
    file.clips.push(clip);
    file
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(Ok(1000), |n| n.parse())?;
    let file = match arguments.next() {
        Some(path) => gltf::load(std::path::Path::new(&path), &LoadOptions::default())?,
        None => tube(),
    };
    let rig = Arc::new(file.rig());
    let mut world = World::new();
    let size = file.rest_pose(None, &gltf::Limits::default())?;
    let reach = size
        .iter()
        .map(|posed| posed.mesh.bounds().radius())
        .fold(0.1, f32::max);
    let side = (count as f64).sqrt().ceil() as usize;
    let mut roots = Vec::new();
    for number in 0..count {
        let spawned = file.spawn_with(&mut world, None, &rig);
        let place = [number % side, number / side].map(|n| n as f32 * 2.0 * reach);
        if let Some(transform) = world.get_mut::<Transform>(spawned.root) {
            transform.translation = [place[0], 0.0, -place[1]];
        }
        if let Some(animator) = world.get_mut::<Animator>(spawned.root) {
            let clip = number % rig.clip_count().max(1);
            let play = animator.player.play(0, clip);
            play.seek(&rig, number as f64 * 0.37);
        }
        roots.push(spawned.root);
    }
    let gpu = Gpu::headless(&GpuDesc::default())?;
    let quality = Quality::for_device(&gpu.info());
    let desc = RendererDesc {
        multisampling: false,
        quality,
        ..RendererDesc::default()
    };
    let (mut scene, mut extractor) = (Scene::new(&gpu)?, Extractor::new());
    let mut renderer = Renderer::new(&gpu, &desc)?;
    renderer.set_timings(true);
    let mut target = ImageTarget::new(&gpu, 1280, 720)?;
    let middle = Vec3::new(side as f32 * reach, 0.0, -(side as f32) * reach);
    let eye = middle + Vec3::new(0.0, 0.6, 1.0) * side as f32 * reach * 2.0;
    let view = View::look_at(eye, middle);
    let (mut animation, mut propagation) = (Animation::new(), Propagation::new());
    let mut stages: [Vec<f64>; 4] = Default::default();
    let mut bytes = 0;
    let mut posed = 0;
    for frame in 0..FRAMES {
        let mut began = Instant::now();
        let mut lap = |stage: &mut Vec<f64>| {
            if frame >= 5 {
                stage.push(began.elapsed().as_secs_f64() * 1e3);
            }
            began = Instant::now();
        };
        animation.run(&mut world, 1.0 / 60.0);
        lap(&mut stages[0]);
        propagation.run(&mut world);
        lap(&mut stages[1]);
        posed = extractor.extract(&world, &file.library, &mut scene)?.posed;
        lap(&mut stages[2]);
        bytes = renderer
            .render(&mut scene, &view, &mut target)?
            .uploaded_bytes;
        lap(&mut stages[3]);
        gpu.wait_idle()?;
    }
    println!(
        "{count} characters, {posed} instances posed, {} entities, on {}",
        world.len(),
        gpu.info().name
    );
    for (name, times) in ["sampling", "propagation", "extraction", "recording"]
        .into_iter()
        .zip(stages)
    {
        println!("{:>10.3} ms CPU  {name}", median(times));
    }
    println!(
        "{bytes} bytes uploaded, {} bytes of deformed vertices",
        scene.deformed_bytes()
    );
    if let Some(report) = renderer.report()? {
        for pass in report.passes {
            println!("{:>10.3} ms device  {}", pass.nanoseconds * 1e-6, pass.name);
        }
    }
    Ok(())
}
