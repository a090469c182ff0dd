//! Frames of Bevy: the same boxes, drawn to a picture in memory. Its defaults, but for what the scene has none of: windows,
//! shadows, multisampling and tone mapping.

use std::sync::{Arc, Mutex};

use bevy::{
    app::PluginsState,
    asset::RenderAssetUsages,
    camera::{RenderTarget, visibility::NoCpuCulling},
    core_pipeline::tonemapping::Tonemapping,
    prelude::*,
    render::{
        gpu_readback::{Readback, ReadbackComplete},
        render_resource::{TextureFormat, TextureUsages},
    },
    window::{ExitCondition, WindowPlugin},
};

use crate::{
    frames::Frames,
    threads,
    world::{self, HALF, Motion},
};

pub(crate) struct Bevy {
    app: App,
    boxes: QueryState<&'static mut Transform, With<Mesh3d>>,
    reader: Entity,
    picture: Arc<Mutex<Option<Vec<u8>>>>,
    frame: u32,
}

impl Bevy {
    /// `gpu_culling` leaves the choice of what is in view to the GPU, as Bevy advises for large scenes.
    pub(crate) fn new(count: usize, gpu_culling: bool) -> Self {
        let mut app = threads::of_a_driver(|| {
            let mut app = App::new();
            app.add_plugins(DefaultPlugins.set(WindowPlugin {
                primary_window: None,
                exit_condition: ExitCondition::DontExit,
                ..WindowPlugin::default()
            }));
            while app.plugins_state() == PluginsState::Adding {
                bevy::tasks::tick_global_task_pools_on_main_thread();
            }
            app
        });
        app.finish();
        app.cleanup();

        let world = app.world_mut();
        let mut picture = Image::new_target_texture(
            world::SIZE.0,
            world::SIZE.1,
            TextureFormat::Rgba8UnormSrgb,
            None,
        );
        picture.texture_descriptor.usage |= TextureUsages::COPY_SRC;
        picture.asset_usage = RenderAssetUsages::default();
        let picture = world.resource_mut::<Assets<Image>>().add(picture);
        let read = Arc::new(Mutex::new(None));
        let arrived = Arc::clone(&read);
        let reader = world
            .spawn(Readback::texture(picture.clone()))
            .observe(move |complete: On<ReadbackComplete>| {
                *arrived.lock().expect("nobody panics with it") = Some(complete.data.clone());
            })
            .id();
        let mesh = world
            .resource_mut::<Assets<Mesh>>()
            .add(Mesh::from(Cuboid::from_length(2.0 * HALF)));
        let material = world
            .resource_mut::<Assets<StandardMaterial>>()
            .add(StandardMaterial {
                base_color: Color::linear_rgb(0.7, 0.3, 0.2),
                perceptual_roughness: 0.5,
                ..StandardMaterial::default()
            });
        let camera = world
            .spawn((
                Camera3d::default(),
                RenderTarget::Image(picture.into()),
                Projection::Perspective(PerspectiveProjection {
                    fov: world::YFOV,
                    ..PerspectiveProjection::default()
                }),
                Msaa::Off,
                Tonemapping::None,
                Transform::IDENTITY.looking_to(Vec3::NEG_Z, Vec3::Y),
            ))
            .id();
        if gpu_culling {
            world.entity_mut(camera).insert(NoCpuCulling);
        }
        world.spawn((
            DirectionalLight {
                illuminance: 10_000.0,
                ..DirectionalLight::default()
            },
            Transform::IDENTITY,
        ));
        let boxes = (0..count).map(|index| {
            (
                Mesh3d(mesh.clone()),
                MeshMaterial3d(material.clone()),
                Transform::from_translation(world::place(index, count).into()),
            )
        });
        if gpu_culling {
            world.spawn_batch(boxes.map(|parts| (parts, NoCpuCulling)));
        } else {
            world.spawn_batch(boxes);
        }
        let boxes = world.query_filtered();
        Self {
            app,
            boxes,
            reader,
            picture: read,
            frame: 0,
        }
    }
}

impl Frames for Bevy {
    fn frame(&mut self, motion: Motion) {
        self.frame += 1;
        let rise = world::rise(self.frame);
        if motion != Motion::Still {
            let boxes = self.boxes.iter_mut(self.app.world_mut());
            for (index, mut transform) in boxes.enumerate() {
                if motion.moves(index) {
                    transform.translation.y += rise;
                }
            }
        }
        self.app.update();
    }

    fn picture(&mut self) -> Option<Vec<u8>> {
        self.picture.lock().ok()?.take()
    }

    fn stop_reading(&mut self) {
        self.app.world_mut().despawn(self.reader);
    }
}
