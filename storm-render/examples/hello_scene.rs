//! The smallest whole scene: a ball, from plain values, without a window and without an ECS.
//! `cargo run -p storm-render --example hello_scene` writes `hello.png`.

use storm_assets::{Handle, Material};
use storm_render::{
    Gpu, GpuDesc, ImageTarget, Instance, Quality, Renderer, RendererDesc, Scene, View,
};

mod shapes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = Gpu::headless(&GpuDesc::default())?;
    let desc = RendererDesc {
        quality: Quality::for_device(&gpu.info()),
        ..RendererDesc::default()
    };
    let mut renderer = Renderer::new(&gpu, &desc)?;

    let mut scene = Scene::new(&gpu)?;
    let (mesh, material) = (Handle::of("hello", "ball"), Handle::of("hello", "clay"));
    scene.insert_mesh(mesh, &shapes::sphere(32))?;
    scene.insert_material(material, &Material::matte("clay", [0.8, 0.3, 0.2], 0.4))?;
    scene.add(&Instance {
        mesh,
        material,
        transform: shapes::at(0.0, 0.0, 0.0),
    })?;

    let mut target = ImageTarget::new(&gpu, 640, 360)?;
    let view = View::look_at([1.0, 1.2, 3.0].into(), [0.0; 3].into());
    renderer.render(&mut scene, &view, &mut target)?;
    shapes::save("hello.png", &target.read()?)
}
