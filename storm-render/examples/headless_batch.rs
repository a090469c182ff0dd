//! Many pictures of one scene, without a window: a turntable, a picture while the GPU draws the next.
//! `cargo run -p storm-render --example headless_batch` writes `turn-00.png` to `turn-11.png`.

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
    let mesh = Handle::of("batch", "ball");
    scene.insert_mesh(mesh, &shapes::sphere(24))?;
    for i in 0..100 {
        let hue = i as f32 * 0.3;
        let color = [0.0, 2.1, 4.2].map(|turn: f32| 0.5 + 0.4 * (hue + turn).sin());
        let material = Handle::of("batch", &format!("paint {i}"));
        scene.insert_material(material, &Material::matte("paint", color, 0.3))?;
        let place = shapes::at(
            (i % 10) as f32 * 2.5 - 11.0,
            1.0,
            (i / 10) as f32 * 2.5 - 11.0,
        );
        scene.add(&Instance {
            mesh,
            material,
            transform: place,
        })?;
    }
    // Two targets in turn: while one is read and written to disk, the GPU draws to the other.
    let mut targets = [
        ImageTarget::new(&gpu, 640, 360)?,
        ImageTarget::new(&gpu, 640, 360)?,
    ];
    const PICTURES: usize = 12;
    for picture in 0..=PICTURES {
        if picture < PICTURES {
            let angle = picture as f32 / PICTURES as f32 * std::f32::consts::TAU;
            let eye = [25.0 * angle.sin(), 14.0, 25.0 * angle.cos()];
            let view = View::look_at(eye.into(), [0.0; 3].into());
            renderer.render(&mut scene, &view, &mut targets[picture % 2])?;
        }
        if let Some(last) = picture.checked_sub(1) {
            let file = format!("turn-{last:02}.png");
            shapes::save(&file, &targets[last % 2].read()?)?;
        }
    }
    Ok(())
}
