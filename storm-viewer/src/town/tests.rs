//! What holds for the scene of every seed. The seeds here stand for all of them.

use std::sync::OnceLock;

use glam::{Mat4, Vec2, Vec3};

use super::{Town, build, layout::KINDS, layout::Plan, terrain::Ground};

const SEEDS: [u32; 3] = [7, 1, 0xffff_fff1];

fn towns() -> &'static [Town; 3] {
    static DEMOS: OnceLock<[Town; 3]> = OnceLock::new();
    DEMOS.get_or_init(|| SEEDS.map(build))
}

fn hash(town: &Town) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut floats = |values: &[f32]| {
        for value in values {
            hasher.update(&value.to_bits().to_le_bytes());
        }
    };
    for (_, mesh) in town.library.meshes.iter() {
        floats(mesh.positions.as_flattened());
        floats(mesh.normals.as_flattened());
        floats(mesh.colors.as_flattened());
        floats(mesh.uvs[0].as_flattened());
    }
    for entity in &town.entities {
        let t = &entity.transform;
        floats(&t.translation.to_array());
        floats(&t.rotation.to_array());
        floats(&t.scale.to_array());
    }
    for light in &town.lights {
        floats(&light.translation.to_array());
        floats(&light.color.to_array());
    }
    for (_, mesh) in town.library.meshes.iter() {
        for index in &mesh.indices {
            hasher.update(&index.to_le_bytes());
        }
    }
    for (handle, image) in town.library.images.iter() {
        hasher.update(&handle.id().to_bytes());
        hasher.update(image.pixels());
    }
    for (handle, material) in town.library.materials.iter() {
        hasher.update(&handle.id().to_bytes());
        hasher.update(format!("{material:?}").as_bytes());
    }
    for entity in &town.entities {
        let (mesh, material) = (entity.mesh, entity.material);
        hasher.update(format!("{}{:?}{mesh:?}{material:?}", entity.name, entity.parent).as_bytes());
    }
    hasher.update(format!("{:?}{:?}", town.sky, town.view).as_bytes());
    hasher.finalize()
}

/// Where every entity is in the world.
fn matrices(town: &Town) -> Vec<Mat4> {
    let mut world: Vec<Mat4> = Vec::with_capacity(town.entities.len());
    for entity in &town.entities {
        let parent = entity.parent.map_or(Mat4::IDENTITY, |p| world[p]);
        world.push(parent * entity.transform.matrix());
    }
    world
}

#[test]
fn a_seed_gives_the_same_values_each_time_and_another_gives_others() {
    let [a, b, _] = towns();
    assert_eq!(hash(a), hash(&build(SEEDS[0])));
    assert_ne!(hash(a), hash(b));
}

#[test]
fn meshes_keep_their_promises() {
    for town in towns() {
        for (_, mesh) in town.library.meshes.iter() {
            let name = &mesh.name;
            mesh.check()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!mesh.indices.is_empty(), "{name} is empty");
            let lists = [
                mesh.positions.as_flattened(),
                mesh.normals.as_flattened(),
                mesh.uvs[0].as_flattened(),
                mesh.colors.as_flattened(),
            ];
            assert!(
                lists.into_iter().flatten().all(|x| x.is_finite()),
                "{name} has numbers that are none"
            );
            for normal in &mesh.normals {
                let length = Vec3::from(*normal).length();
                assert!(
                    (length - 1.0).abs() < 1e-3,
                    "{name} has a normal of length {length}"
                );
            }
            // The renderer stores colours as 0 to 1.
            let within = mesh
                .colors
                .as_flattened()
                .iter()
                .all(|c| (0.0..=1.0).contains(c));
            assert!(within, "{name} has a colour outside of 0 to 1");
        }
    }
}

#[test]
fn every_handle_leads_somewhere() {
    for town in towns() {
        for entity in &town.entities {
            assert_eq!(
                entity.mesh.is_some(),
                entity.material.is_some(),
                "{}",
                entity.name
            );
            if let (Some(mesh), Some(material)) = (entity.mesh, entity.material) {
                assert!(town.library.meshes.get(mesh).is_some(), "{}", entity.name);
                assert!(
                    town.library.materials.get(material).is_some(),
                    "{}",
                    entity.name
                );
            }
        }
        for (_, material) in town.library.materials.iter() {
            for slot in material.textures() {
                assert!(
                    town.library.images.get(slot.image).is_some(),
                    "{}",
                    material.name
                );
            }
        }
    }
}

#[test]
fn everything_that_is_in_the_library_is_used() {
    for town in towns() {
        for (handle, mesh) in town.library.meshes.iter() {
            assert!(
                town.entities.iter().any(|e| e.mesh == Some(handle)),
                "{}",
                mesh.name
            );
        }
        for (handle, _) in town.library.images.iter() {
            let used = town
                .library
                .materials
                .iter()
                .any(|(_, m)| m.textures().any(|s| s.image == handle));
            assert!(used, "{handle:?}");
        }
    }
}

#[test]
fn parents_come_first_and_places_are_numbers() {
    for town in towns() {
        for (i, entity) in town.entities.iter().enumerate() {
            assert!(
                entity.parent.is_none_or(|p| p < i),
                "{} at {i}",
                entity.name
            );
            assert!(
                (entity.transform.rotation.length() - 1.0).abs() < 1e-3,
                "{}",
                entity.name
            );
        }
        assert!(matrices(town).iter().all(|m| m.is_finite()));
    }
}

#[test]
fn the_scene_stays_within_its_bounds() {
    for town in towns() {
        let triangles: usize = town
            .entities
            .iter()
            .filter_map(|e| e.mesh)
            .map(|mesh| {
                town.library
                    .meshes
                    .get(mesh)
                    .map_or(0, |m| m.indices.len() / 3)
            })
            .sum();
        let bytes: usize = town
            .library
            .images
            .iter()
            .map(|(_, i)| i.pixels().len())
            .sum();
        let (meshes, materials) = (town.library.meshes.len(), town.library.materials.len());
        let found = (town.entities.len(), triangles, bytes, meshes, materials);
        assert!((3_000..=6_000).contains(&town.entities.len()), "{found:?}");
        assert!(triangles <= 1_500_000, "{found:?}");
        assert!(bytes <= 25_000_000, "{found:?}");
        assert!(meshes <= 260 && materials <= 80, "{found:?}");
        assert!(town.lights.len() <= 16, "{} lights", town.lights.len());
    }
}

#[test]
fn a_town_of_houses_with_children() {
    for town in towns() {
        let houses: Vec<usize> = (0..town.entities.len())
            .filter(|&i| town.entities[i].name == "house")
            .collect();
        assert!((25..=70).contains(&houses.len()), "{} houses", houses.len());
        for house in houses {
            let has = |name: &str| {
                town.entities
                    .iter()
                    .any(|e| e.parent == Some(house) && e.name == name)
            };
            for part in [
                "walls",
                "plinth",
                "roof",
                "chimney",
                "window frame",
                "door frame",
            ] {
                assert!(has(part), "house {house} has no {part}");
            }
        }
    }
}

#[test]
fn what_stands_on_the_ground_touches_it() {
    for (seed, town) in SEEDS.into_iter().zip(towns()) {
        let (_, ground) = Ground::settle(Plan::new(seed));
        let world = matrices(town);
        // Metres that the foot may be above (positive) or below the ground.
        let limits = |name: &str| match name {
            "tree" | "bush" | "tuft" => Some((-0.15, 0.02)),
            "dry stone wall" | "fence" | "street lantern post" => Some((-0.05, 0.05)),
            "house" => Some((0.05, 0.4)),
            "church" => Some((0.0, 0.3)),
            "lighthouse" => Some((-0.1, 0.1)),
            _ => None,
        };
        let mut checked = 0;
        for (entity, matrix) in town.entities.iter().zip(&world) {
            if let Some((low, high)) = limits(&entity.name) {
                let foot = matrix.w_axis.truncate();
                let above = foot.y - ground.height(Vec2::new(foot.x, foot.z));
                assert!(
                    (low..=high).contains(&above),
                    "{} at {foot} is {above} m above the ground (seed {seed})",
                    entity.name
                );
                checked += 1;
            }
        }
        assert!(checked > 900, "only {checked}");
    }
}

#[test]
fn rocks_rest_on_the_ground_or_the_seabed() {
    for (seed, town) in SEEDS.into_iter().zip(towns()) {
        let (_, ground) = Ground::settle(Plan::new(seed));
        for (entity, matrix) in town.entities.iter().zip(matrices(town)) {
            if entity.name == "rock" {
                let center = matrix.w_axis.truncate();
                let half = entity.transform.scale.y;
                // Loose rocks lie on the seabed in the shallows, on others of their heap, or break the surface.
                let below = center.y - 0.6 * half;
                let floor = ground.height(Vec2::new(center.x, center.z)).max(0.0);
                assert!(
                    below < floor + 0.05,
                    "a rock at {center} hangs {} m up (seed {seed})",
                    below - floor
                );
            }
        }
    }
}

#[test]
fn plinths_reach_down_to_the_ground_and_floors_lie_above_it() {
    for seed in SEEDS {
        let (plan, ground) = Ground::settle(Plan::new(seed));
        for lot in &plan.lots {
            let kind = &KINDS[lot.kind];
            let (sin, cos) = lot.yaw.sin_cos();
            let floor = ground.height(lot.center) + 0.2;
            for (x, z) in [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)] {
                let (x, z) = (x * kind.width, z * kind.depth);
                let corner = lot.center + Vec2::new(cos * x + sin * z, cos * z - sin * x);
                let height = ground.height(corner);
                // On the slope a back wall may stand against the bank, up to its window sills.
                assert!(
                    height > floor - 2.4,
                    "a corner at {corner} hangs in the air (seed {seed})"
                );
                assert!(
                    height < floor + 1.4,
                    "a corner at {corner} is {} m under the ground (seed {seed})",
                    height - floor
                );
            }
        }
    }
}

#[test]
fn streets_and_houses_keep_clear_of_each_other() {
    for seed in SEEDS {
        let plan = Plan::new(seed);
        for (i, lot) in plan.lots.iter().enumerate() {
            assert!(plan.street_distance(lot.center) > 2.0, "lot {i}");
            for other in &plan.lots[..i] {
                assert!(other.distance(lot.center) > 1.0, "lot {i} (seed {seed})");
            }
        }
    }
}
