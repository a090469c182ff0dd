//! First light.
use glam::{Mat4, Vec3};
use storm_assets::Material;
use storm_render::{InstanceTransform, View};

use crate::{harness::{Stage, TestGpu}, scenes};

#[test]
fn spheres() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    for i in 0..5 {
        for j in 0..2 {
            let material = Material {
                base_color: [0.9, 0.5, 0.2, 1.0], metallic: j as f32, roughness: i as f32 / 4.0, ..Material::default() };
            let m = Mat4::from_translation(Vec3::new(i as f32 * 2.2 - 4.4, j as f32 * 2.2 - 1.1, 0.0));
            stage.add(&format!("{i}{j}"), &scenes::sphere(24, 48), &material, InstanceTransform::from_mat4(m));
        }
    }
    let view = View::look_at(Vec3::new(0.0, 1.0, 9.0), Vec3::ZERO);
    let t = std::time::Instant::now();
    let p = stage.picture(&view);
    eprintln!("{:?}", t.elapsed());
    let t = std::time::Instant::now();
    let p = stage.picture(&view);
    eprintln!("{:?}", t.elapsed());
    image::save_buffer("/tmp/spheres.png", p.pixels(), p.width(), p.height(), image::ColorType::Rgba8).unwrap();
}
