//! A surface of one's own: stripes that glow, with holes between them that light falls through.
//! `cargo run -p storm-render --example custom_material` writes `stripes.png`.
#![expect(unsafe_code, reason = "nobody but its author can vouch for a shader")]

use storm_assets::{AlphaMode, Handle, Material};
use storm_render::{
    Gpu, GpuDesc, ImageTarget, Instance, Quality, Renderer, RendererDesc, Scene, ShadowQuality,
    Surface, SurfaceShader, View,
};

mod shapes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = Gpu::headless(&GpuDesc::default())?;
    let quality = Quality {
        shadows: Some(ShadowQuality::HIGH),
        ..Quality::CPU
    };
    let desc = RendererDesc {
        quality,
        ..RendererDesc::default()
    };
    let mut renderer = Renderer::new(&gpu, &desc)?;
    let names = ["stripes", "glow", "holes"];
    // SAFETY: compiled from `stripes.frag` beside it, which follows no address but the header's.
    let shader = unsafe { SurfaceShader::new(include_bytes!("stripes.frag.spv"), &names) }?;

    let mut scene = Scene::new(&gpu)?;
    let mut add = |name, mesh: &storm_assets::Mesh, material: &Material, place| {
        let instance = Instance {
            mesh: Handle::of(name, "mesh"),
            material: Handle::of(name, "material"),
            transform: place,
        };
        scene.insert_mesh(instance.mesh, mesh)?;
        scene.insert_material(instance.material, material)?;
        scene.add(&instance)
    };
    let lamp = Material {
        alpha_mode: AlphaMode::Mask(0.5),
        double_sided: true,
        ..Material::matte("lamp", [0.8, 0.8, 0.7], 0.4)
    };
    add(
        "lamp",
        &shapes::sphere(48),
        &lamp,
        shapes::at(0.0, 1.0, 0.0),
    )?;
    let ground = Material::matte("ground", [0.5; 3], 0.9);
    add(
        "ground",
        &shapes::floor(20.0),
        &ground,
        shapes::at(0.0, 0.0, 0.0),
    )?;
    let parameters = [("stripes", 6.0), ("glow", 1.5), ("holes", 0.3)];
    let surface = Surface {
        shader,
        textures: Vec::new(),
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
    };
    scene.set_surface(Handle::of("lamp", "material"), Some(&surface))?;

    let mut target = ImageTarget::new(&gpu, 640, 360)?;
    let view = View::look_at([1.5, 2.0, 4.5].into(), [0.0, 0.9, 0.0].into());
    renderer.render(&mut scene, &view, &mut target)?;
    shapes::save("stripes.png", &target.read()?)
}
