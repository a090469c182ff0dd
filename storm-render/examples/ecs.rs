//! A world of entities as a picture: an extractor reads what changed, and nothing else.
//! `cargo run -p storm-render --example ecs` writes `ecs.png`.

use storm_assets::{Handle, Library, Material, MaterialHandle, MeshHandle};
use storm_ecs::{World, scene::GlobalTransform};
use storm_render::{Extractor, Gpu, GpuDesc, ImageTarget, Renderer, RendererDesc, Scene, View};

mod shapes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut world, mut library) = (World::new(), Library::default());
    let (mesh, material) = (Handle::of("ecs", "ball"), Handle::of("ecs", "clay"));
    library.meshes.insert(mesh, shapes::sphere(24));
    let clay = Material::matte("clay", [0.7, 0.3, 0.2], 0.5);
    library.materials.insert(material, clay);
    for i in 0..5 {
        let place: GlobalTransform = bytemuck::cast(shapes::at(i as f32 * 2.4 - 4.8, 0.0, 0.0));
        world.spawn((place, MeshHandle(mesh), MaterialHandle(material)));
    }

    let gpu = Gpu::headless(&GpuDesc::default())?;
    let mut renderer = Renderer::new(&gpu, &RendererDesc::default())?;
    let (mut scene, mut extractor) = (Scene::new(&gpu)?, Extractor::new());
    let mut target = ImageTarget::new(&gpu, 640, 360)?;
    let view = View::look_at([0.0, 2.0, 8.0].into(), [0.0; 3].into());
    // Once a frame:
    extractor.extract(&world, &library, &mut scene)?;
    renderer.render(&mut scene, &view, &mut target)?;
    shapes::save("ecs.png", &target.read()?)
}
