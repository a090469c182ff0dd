//! The demo's scene: a lawn of spheres of every roughness, gold and porcelain, bobbing.

use std::f32::consts::{PI, TAU};

use storm_assets::{Handle, Library, Material, MaterialHandle, Mesh, MeshHandle};
use storm_ecs::{Component, World, scene::Transform};

use crate::content::Content;

const SIDE: i32 = 9;

/// Where in its cycle an entity is at the beginning, radians.
#[derive(Component, Clone, Copy)]
#[component(name = "storm.demo.Phase")]
struct Phase(f32);

/// The scene of a seed.
pub(crate) fn build(seed: u64) -> Content {
    let (mut library, mut world) = (Library::default(), World::new());
    let mesh = Handle::of("demo", "mesh/sphere");
    library.meshes.insert(mesh, sphere(24, 48));
    for (x, z) in (0..SIDE).flat_map(|x| (0..SIDE).map(move |z| (x, z))) {
        let material = Handle::of("demo", &format!("material/{x}/{z}"));
        let gold = (x + z) % 2 == 0;
        library.materials.insert(
            material,
            Material {
                base_color: if gold {
                    [1.0, 0.77, 0.34, 1.0]
                } else {
                    [0.8, 0.82, 0.85, 1.0]
                },
                metallic: f32::from(gold),
                roughness: x as f32 / (SIDE - 1) as f32,
                ..Material::default()
            },
        );
        let place = Transform::from_translation([
            (x - SIDE / 2) as f32 * 2.4,
            0.0,
            (z - SIDE / 2) as f32 * 2.4,
        ]);
        let phase = (x as f32 * 0.7 + z as f32 * 1.3 + seed as f32).rem_euclid(TAU);
        world.spawn((
            place,
            MeshHandle(mesh),
            MaterialHandle(material),
            Phase(phase),
        ));
    }
    let mut content = Content::new("demo", library, world);
    content.animate = Some(Box::new(|world, seconds| {
        for (transform, phase) in world.query_mut::<(&mut Transform, &Phase)>().into_iter() {
            transform.translation[1] = 0.4 * (seconds as f32 * 2.0 + phase.0).sin();
        }
    }));
    content
}

/// A sphere of radius 1.
fn sphere(rings: u32, segments: u32) -> Mesh {
    let mut mesh = Mesh::default();
    for ring in 0..=rings {
        for segment in 0..=segments {
            let (theta, phi) = (
                ring as f32 / rings as f32 * PI,
                segment as f32 / segments as f32 * TAU,
            );
            let p = [
                theta.sin() * phi.sin(),
                theta.cos(),
                theta.sin() * phi.cos(),
            ];
            mesh.positions.push(p);
            mesh.normals.push(p);
        }
    }
    for ring in 0..rings {
        for segment in 0..segments {
            let a = ring * (segments + 1) + segment;
            let b = a + segments + 1;
            mesh.indices.extend([a, b, a + 1, a + 1, b, b + 1]);
        }
    }
    mesh
}
