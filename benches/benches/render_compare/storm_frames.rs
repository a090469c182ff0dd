//! Frames of storm: a system moves, transforms are propagated, the scene is extracted and drawn.

use storm_assets::{Handle, Library, Material, MaterialHandle, Mesh, MeshHandle};
use storm_ecs::{
    Mut, World,
    scene::{DirectionalLight, GlobalTransform, Propagation, Transform},
};
use storm_render::{
    Extractor, FrameReport, Gpu, GpuDesc, ImageTarget, Projection, Quality, RenderError, Renderer,
    RendererDesc, Scene, View,
};

use crate::{
    frames::Frames,
    threads,
    world::{self, HALF, Motion},
};

pub(crate) struct Storm {
    world: World,
    library: Library,
    propagation: Propagation,
    extractor: Extractor,
    scene: Scene,
    renderer: Renderer,
    target: ImageTarget,
    view: View,
    gpu: Gpu,
    frame: u32,
}

/// A world of boxes, one entity each.
pub(crate) fn boxes(count: usize) -> (World, Library) {
    let (mut world, mut library) = (World::new(), Library::default());
    let (mesh, material) = (Handle::of("boxes", "box"), Handle::of("boxes", "clay"));
    library.meshes.insert(mesh, cube());
    let clay = Material::matte("clay", [0.7, 0.3, 0.2], 0.5);
    library.materials.insert(material, clay);
    world.spawn_batch((0..count).map(|index| {
        (
            Transform::from_translation(world::place(index, count)),
            GlobalTransform::IDENTITY,
            MeshHandle(mesh),
            MaterialHandle(material),
        )
    }));
    world.spawn((
        GlobalTransform::IDENTITY,
        DirectionalLight {
            illuminance: 3.0,
            ..DirectionalLight::default()
        },
    ));
    (world, library)
}

/// As Bevy's `Cuboid`: six faces of four vertices with normals and texture coordinates.
fn cube() -> Mesh {
    let mut mesh = Mesh::default();
    for axis in 0..3 {
        for sign in [-1.0f32, 1.0] {
            let start = mesh.positions.len() as u32;
            for (u, v) in [(-1.0f32, -1.0f32), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                let mut at = [0.0; 3];
                at[axis] = sign * HALF;
                at[(axis + 1) % 3] = u * sign * HALF;
                at[(axis + 2) % 3] = v * HALF;
                mesh.positions.push(at);
                let mut normal = [0.0; 3];
                normal[axis] = sign;
                mesh.normals.push(normal);
            }
            mesh.indices.extend([0, 1, 2, 2, 3, 0].map(|i| start + i));
        }
    }
    mesh
}

impl Storm {
    pub(crate) fn new(count: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let (world, library) = boxes(count);
        let gpu = threads::of_a_driver(|| Gpu::headless(&GpuDesc::default()))?;
        let desc = RendererDesc {
            multisampling: false,
            quality: Quality::CPU,
            ..RendererDesc::default()
        };
        let renderer = Renderer::new(&gpu, &desc)?;
        let scene = Scene::new(&gpu)?;
        let target = ImageTarget::new(&gpu, world::SIZE.0, world::SIZE.1)?;
        let mut view = View::look_at([0.0; 3].into(), [0.0, 0.0, -1.0].into());
        view.projection = Projection::Perspective {
            yfov: world::YFOV,
            near: 0.1,
        };
        Ok(Self {
            world,
            library,
            propagation: Propagation::new(),
            extractor: Extractor::new(),
            scene,
            renderer,
            target,
            view,
            gpu,
            frame: 0,
        })
    }
}

impl Storm {
    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Draws with another renderer, into another picture.
    pub(crate) fn draw_with(&mut self, renderer: Renderer, target: ImageTarget) {
        (self.renderer, self.target) = (renderer, target);
    }

    pub(crate) fn report(&self) -> Result<Option<FrameReport>, RenderError> {
        self.renderer.report()
    }
}

impl Frames for Storm {
    fn frame(&mut self, motion: Motion) {
        self.frame += 1;
        let rise = world::rise(self.frame);
        if motion != Motion::Still {
            let mut query = self.world.query_mut::<Mut<'_, Transform>>();
            for (index, mut transform) in query.iter_mut().enumerate() {
                if motion.moves(index) {
                    transform.translation[1] += rise;
                }
            }
        }
        self.propagation.run(&mut self.world);
        self.extractor
            .extract(&self.world, &self.library, &mut self.scene)
            .and_then(|_| {
                self.renderer
                    .render(&mut self.scene, &self.view, &mut self.target)
            })
            .expect("the device works");
    }

    fn picture(&mut self) -> Option<Vec<u8>> {
        Some(self.target.read().ok()?.pixels().to_vec())
    }

    fn pipelines(&self) -> u64 {
        self.gpu.pipelines_made()
    }
}
