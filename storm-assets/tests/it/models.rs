//! Every model of the shared sets loads, or is refused with the reason in the table.

use storm_assets::gltf::{self, Limits, LoadOptions};

use super::corpus;

const TABLE: &str = include_str!("models.txt");

#[test]
fn every_model_loads_as_the_table_says() {
    let Some(root) = corpus::assets("every_model_loads_as_the_table_says") else {
        return;
    };
    let mut rows = TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(" | ").expect("a path and an outcome"))
        .collect::<std::collections::BTreeMap<_, _>>();
    let mut wrong = Vec::new();
    for set in [
        "gltf-sample-assets",
        "gltf-asset-generator",
        "gltf-transform",
    ] {
        for path in corpus::models(&root.join(set)) {
            let name = corpus::name(&root, &path);
            let expected = rows.remove(name.as_str()).unwrap_or("not in the table");
            let found = match gltf::load(&path, &LoadOptions::default()) {
                Ok(file) => {
                    check(&name, &file);
                    let summary = file.summary;
                    [
                        summary.primitives as u64,
                        summary.triangles,
                        summary.lines,
                        summary.points,
                        file.nodes.len() as u64,
                        file.materials.len() as u64,
                        file.skins.len() as u64,
                        file.clips.len() as u64,
                        file.cameras.len() as u64,
                    ]
                    .map(|count| count.to_string())
                    .join(" ")
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(!message.contains('\n'), "{name}: one line");
                    assert_eq!(error.file, path.to_str().unwrap());
                    format!("refused: {}", error.problem)
                }
            };
            if found != expected {
                wrong.push(format!("{name}: expected {expected}, found {found}"));
            }
        }
    }
    wrong.extend(
        rows.keys()
            .map(|name| format!("{name}: is in the table, not in the folder")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a file that was read promises.
pub(crate) fn check(name: &str, file: &gltf::Gltf) {
    for (handle, mesh) in file.library.meshes.iter() {
        mesh.check()
            .unwrap_or_else(|error| panic!("{name}: {handle:?}: {error}"));
        let unit = |v: &[f32; 3]| ((v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) - 1.0).abs() < 0.03;
        assert!(
            mesh.normals.iter().all(unit),
            "{name}: {handle:?}: unit normals"
        );
        for tangent in &mesh.tangents {
            let [x, y, z, w] = *tangent;
            assert!(
                unit(&[x, y, z]) && w.abs() == 1.0,
                "{name}: {handle:?}: {tangent:?}"
            );
        }
        for vertex in 0..mesh.positions.len() {
            let sum: f32 = mesh.weights.iter().flat_map(|set| set[vertex]).sum();
            assert!(
                mesh.weights.is_empty() || (sum - 1.0).abs() < 1e-3,
                "{name}: weights"
            );
        }
    }
    for group in &file.meshes {
        for primitive in &group.primitives {
            assert!(file.library.meshes.get(primitive.mesh).is_some());
            assert!(file.library.materials.get(primitive.material).is_some());
        }
    }
    for (_, material) in file.library.materials.iter() {
        for slot in material.textures() {
            assert!(
                file.library.images.get(slot.image).is_some(),
                "{name}: {slot:?}"
            );
        }
    }
    for handle in &file.skins {
        let skin = file.library.skins.get(*handle).unwrap();
        assert_eq!(skin.joints.len(), skin.inverse_bind.len());
        assert!(
            skin.joints
                .iter()
                .all(|&joint| (joint as usize) < file.nodes.len())
        );
    }
    for handle in &file.clips {
        for track in &file.library.clips.get(*handle).unwrap().tracks {
            assert!((track.node as usize) < file.nodes.len());
            let keys = track.times.len() * track.interpolation.values_per_key();
            assert_eq!(track.values.len(), keys, "{name}");
        }
    }
    for (index, node) in file.nodes.iter().enumerate() {
        assert!(
            node.children
                .iter()
                .all(|&child| file.nodes[child].parent == Some(index))
        );
        assert!(node.transform.rotation.is_normalized());
        if let (Some(mesh), Some(skin)) = (node.mesh, node.skin) {
            let joints = file
                .library
                .skins
                .get(file.skins[skin])
                .unwrap()
                .joints
                .len();
            for primitive in &file.meshes[mesh].primitives {
                let mesh = file.library.meshes.get(primitive.mesh).unwrap();
                let highest = mesh
                    .joints
                    .iter()
                    .flatten()
                    .flatten()
                    .max()
                    .copied()
                    .unwrap_or(0);
                assert!(usize::from(highest) < joints, "{name}: joints in range");
            }
        }
    }
    for posed in file.rest_pose(None, &Limits::default()).unwrap() {
        posed
            .mesh
            .check()
            .unwrap_or_else(|error| panic!("{name}: posed: {error}"));
    }
}

/// The same model in other containers is the same model.
#[test]
fn containers_do_not_matter() {
    let Some(root) = corpus::assets("containers_do_not_matter") else {
        return;
    };
    let root = root.join("gltf-sample-assets/Models");
    let cases = [
        (
            "Box",
            [
                "glTF/Box.gltf",
                "glTF-Binary/Box.glb",
                "glTF-Embedded/Box.gltf",
            ]
            .as_slice(),
        ),
        ("Fox", &["glTF/Fox.gltf", "glTF-Binary/Fox.glb"]),
        (
            "AnimatedMorphCube",
            &[
                "glTF/AnimatedMorphCube.gltf",
                "glTF-Binary/AnimatedMorphCube.glb",
            ],
        ),
        (
            "AnimatedTriangle",
            &[
                "glTF/AnimatedTriangle.gltf",
                "glTF-Embedded/AnimatedTriangle.gltf",
            ],
        ),
        (
            "SimpleSkin",
            &["glTF/SimpleSkin.gltf", "glTF-Embedded/SimpleSkin.gltf"],
        ),
        (
            "SimpleMorph",
            &["glTF/SimpleMorph.gltf", "glTF-Embedded/SimpleMorph.gltf"],
        ),
        (
            "MeshPrimitiveModes",
            &[
                "glTF/MeshPrimitiveModes.gltf",
                "glTF-Embedded/MeshPrimitiveModes.gltf",
            ],
        ),
        (
            "SimpleSparseAccessor",
            &[
                "glTF/SimpleSparseAccessor.gltf",
                "glTF-Embedded/SimpleSparseAccessor.gltf",
            ],
        ),
        (
            "Unicode❤♻Test",
            &["glTF/Unicode❤♻Test.gltf", "glTF-Binary/Unicode❤♻Test.glb"],
        ),
    ];
    for (model, variants) in cases {
        // The same source gives the same ids.
        let options = LoadOptions::default().with_source(model);
        let files: Vec<_> = variants
            .iter()
            .map(|variant| gltf::load(root.join(model).join(variant), &options).unwrap())
            .collect();
        for other in &files[1..] {
            let all = |file: &gltf::Gltf| {
                let meshes: Vec<_> = file
                    .library
                    .meshes
                    .iter()
                    .map(|(h, m)| (h, (**m).clone()))
                    .collect();
                let images: Vec<_> = file
                    .library
                    .images
                    .iter()
                    .map(|(h, i)| (h, (**i).clone()))
                    .collect();
                let clips: Vec<_> = file
                    .library
                    .clips
                    .iter()
                    .map(|(h, c)| (h, (**c).clone()))
                    .collect();
                let skins: Vec<_> = file
                    .library
                    .skins
                    .iter()
                    .map(|(h, s)| (h, (**s).clone()))
                    .collect();
                (meshes, images, clips, skins)
            };
            assert_eq!(all(&files[0]), all(other), "{model}");
            assert_eq!(files[0].nodes, other.nodes, "{model}");
        }
    }
}
