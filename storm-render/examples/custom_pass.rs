//! A pass of one's own after tone mapping: dark corners.
//! `cargo run -p storm-render --example custom_pass` writes `vignette.png`.
#![expect(unsafe_code, reason = "nobody but its author can vouch for a shader")]

use storm_assets::{Handle, Material};
use storm_render::{
    Gpu, GpuDesc, ImageTarget, Instance, Renderer, RendererDesc, Scene, ScreenPass, View,
};

mod shapes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = Gpu::headless(&GpuDesc::default())?;
    let mut renderer = Renderer::new(&gpu, &RendererDesc::default())?;
    let mut parameters = [0.0; 16];
    parameters[0] = 0.9;
    // SAFETY: compiled from `vignette.frag` beside it, whose interface is the one that is asked for; it follows no address.
    let pass = unsafe { ScreenPass::new(include_bytes!("vignette.frag.spv"), parameters) };
    renderer.set_screen_pass(Some(pass));

    let mut scene = Scene::new(&gpu)?;
    let (mesh, material) = (Handle::of("example", "ball"), Handle::of("example", "clay"));
    scene.insert_mesh(mesh, &shapes::sphere(32))?;
    scene.insert_material(material, &Material::matte("clay", [0.7, 0.3, 0.2], 0.5))?;
    scene.add(&Instance {
        mesh,
        material,
        transform: shapes::at(0.0, 0.0, 0.0),
    })?;
    let mut target = ImageTarget::new(&gpu, 640, 360)?;
    let view = View::look_at([0.0, 0.5, 3.0].into(), [0.0; 3].into());
    renderer.render(&mut scene, &view, &mut target)?;
    shapes::save("vignette.png", &target.read()?)
}
