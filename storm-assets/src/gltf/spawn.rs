//! A scene of a glTF file as entities.

use storm_ecs::{
    Entity, World,
    scene::{
        self, ChildOf, DirectionalLight, GlobalTransform, Name, PointLight, SpotLight, Transform,
        Visibility,
    },
};

use super::{Gltf, LightKind, NodeTransform, Primitive, Projection};
use crate::{Handle, MaterialHandle, MaterialVariants, Mesh, MeshHandle};

/// The entities of a spawned scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Spawned {
    /// Above all others: move it to move the scene.
    pub root: Entity,
    /// The entity of each node; `None` for nodes that are not in the scene. Skins and clips name nodes.
    pub nodes: Vec<Option<Entity>>,
    /// Every entity with a mesh, in the order of nodes and primitives.
    pub drawn: Vec<Entity>,
    /// Every entity with a camera, in the order of nodes.
    pub cameras: Vec<Entity>,
}

impl Gltf {
    /// Makes entities of a scene (`None`: the default one, or the first, or all nodes where there are no scenes) below a new root.
    ///
    /// Each node becomes an entity with `Transform`, `GlobalTransform` (identity until propagation runs), `ChildOf`, and a `Name`, camera and
    /// light where it has one; `Visibility::Hidden` where the file hides it. Copies of a node's mesh (EXT_mesh_gpu_instancing) are its children,
    /// one a primitive. A node with one primitive carries [`MeshHandle`] and [`MaterialHandle`] itself; with several, each is a child.
    /// Skinned primitives are children of the root, since joints place them and their node does not. Skinned and morphed primitives show
    /// their rest pose if [`Gltf::pose_at_rest`] was called for the scene, their raw mesh otherwise.
    ///
    /// The handles lead into [`Gltf::library`]. Cost: O(nodes + primitives).
    ///
    /// ```
    /// use storm_assets::{MeshHandle, gltf::{self, LoadOptions}};
    /// use storm_ecs::{World, scene::{Name, Transform}};
    ///
    /// let json = br#"{
    ///     "asset": { "version": "2.0" },
    ///     "nodes": [{ "name": "cart", "children": [1], "translation": [1, 0, 0] }, { "name": "wheel", "mesh": 0 }],
    ///     "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }],
    ///     "accessors": [{ "componentType": 5126, "count": 3, "type": "VEC3" }]
    /// }"#;
    /// let file = gltf::parse(json, &mut |_| unreachable!("it refers to no file"), &LoadOptions::default())?;
    ///
    /// let mut world = World::new();
    /// let spawned = file.spawn(&mut world, None);
    /// let wheel = spawned.nodes[1].unwrap();
    /// assert_eq!(world.get::<Name>(wheel).unwrap().0, "wheel");
    /// assert!(file.library.meshes.get(world.get::<MeshHandle>(wheel).unwrap().0).is_some());
    /// assert_eq!(world.get::<Transform>(spawned.nodes[0].unwrap()).unwrap().translation, [1.0, 0.0, 0.0]);
    /// # Ok::<(), gltf::GltfError>(())
    /// ```
    pub fn spawn(&self, world: &mut World, scene: Option<usize>) -> Spawned {
        let index = scene.or(self.default_scene).unwrap_or(0);
        let name = match self.scenes.get(index) {
            Some(scene) if !scene.name.is_empty() => &scene.name,
            _ => &self.source,
        };
        let place = (Transform::IDENTITY, GlobalTransform::IDENTITY);
        let root = world.spawn((place.0, place.1, Name::new(name)));
        let mut spawned = Spawned {
            root,
            nodes: vec![None; self.nodes.len()],
            drawn: Vec::new(),
            cameras: Vec::new(),
        };
        for index in self.scene_nodes(scene) {
            let node = &self.nodes[index];
            // Parents come before their children.
            let parent = node
                .parent
                .and_then(|parent| spawned.nodes[parent])
                .unwrap_or(root);
            let entity = world.spawn((
                transform(node.transform),
                GlobalTransform::IDENTITY,
                ChildOf(parent),
            ));
            spawned.nodes[index] = Some(entity);
            if !node.name.is_empty() {
                add(world, entity, Name::new(&node.name));
            }
            if !node.visible {
                add(world, entity, Visibility::Hidden);
            }
            self.spawn_primitives(world, index, entity, &mut spawned);
            if let Some(camera) = node.camera.and_then(|camera| self.cameras.get(camera)) {
                add(
                    world,
                    entity,
                    scene::Camera {
                        projection: projection(camera.projection),
                    },
                );
                spawned.cameras.push(entity);
            }
            self.spawn_light(world, index, entity);
        }
        spawned
    }

    fn spawn_primitives(
        &self,
        world: &mut World,
        index: usize,
        entity: Entity,
        spawned: &mut Spawned,
    ) {
        let node = &self.nodes[index];
        let Some(group) = node.mesh.and_then(|mesh| self.meshes.get(mesh)) else {
            return;
        };
        let single = group.primitives.len() == 1 && node.instances.is_empty();
        // Skinned meshes stand where their joints are, once.
        for &instance in node.instances.iter().skip(1) {
            for number in 0..group.primitives.len() {
                if node.skin.is_none() {
                    let place = transform(instance);
                    let parts = (place, GlobalTransform::IDENTITY, ChildOf(entity));
                    let drawn = world.spawn(parts);
                    self.dress(world, drawn, index, number);
                    spawned.drawn.push(drawn);
                }
            }
        }
        let first = node
            .instances
            .first()
            .map_or(Transform::IDENTITY, |instance| transform(*instance));
        for (number, primitive) in group.primitives.iter().enumerate() {
            let skinned = node.skin.is_some()
                && self
                    .library
                    .meshes
                    .get(primitive.mesh)
                    .is_some_and(|mesh| !mesh.joints.is_empty());
            let drawn = if single && !skinned {
                entity
            } else {
                let parent = if skinned { spawned.root } else { entity };
                let name = if group.name.is_empty() {
                    &node.name
                } else {
                    &group.name
                };
                world.spawn((
                    if skinned { Transform::IDENTITY } else { first },
                    GlobalTransform::IDENTITY,
                    ChildOf(parent),
                    Name::new(name),
                ))
            };
            self.dress(world, drawn, index, number);
            spawned.drawn.push(drawn);
        }
    }

    /// Gives an entity the shape and surface of a primitive of a node.
    fn dress(&self, world: &mut World, entity: Entity, node: usize, number: usize) {
        let Some(group) = self.nodes[node].mesh.and_then(|mesh| self.meshes.get(mesh)) else {
            return;
        };
        let primitive = &group.primitives[number];
        let mesh = self.rest_mesh(node, number, primitive);
        let own = primitive.material;
        add(world, entity, (MeshHandle(mesh), MaterialHandle(own)));
        let of: Vec<_> = group
            .variants
            .iter()
            .filter(|variant| variant.primitive == number)
            .map(|variant| (variant.variant, variant.material))
            .collect();
        if !of.is_empty() {
            add(world, entity, MaterialVariants { own, of });
        }
    }

    fn rest_mesh(&self, node: usize, number: usize, primitive: &Primitive) -> Handle<Mesh> {
        self.rest_meshes
            .get(&(node, number))
            .copied()
            .unwrap_or(primitive.mesh)
    }

    fn spawn_light(&self, world: &mut World, index: usize, entity: Entity) {
        let Some(light) = self.nodes[index]
            .light
            .and_then(|light| self.lights.get(light))
        else {
            return;
        };
        let (color, intensity, range) = (light.color, light.intensity, light.range);
        match light.kind {
            LightKind::Directional => add(
                world,
                entity,
                DirectionalLight {
                    color,
                    illuminance: intensity,
                },
            ),
            LightKind::Point => add(
                world,
                entity,
                PointLight {
                    color,
                    intensity,
                    range,
                },
            ),
            LightKind::Spot {
                inner_cone,
                outer_cone,
            } => add(
                world,
                entity,
                SpotLight {
                    color,
                    intensity,
                    range,
                    inner_angle: inner_cone,
                    outer_angle: outer_cone,
                },
            ),
        }
    }
}

/// Gives every entity that has surfaces by variant ([`MaterialVariants`]) the one that it has in this variant, an index into
/// [`Gltf::variants`]; `None` its own. Cost: O(entities with variants).
///
/// ```
/// use storm_assets::{Handle, MaterialHandle, MaterialVariants, gltf};
/// use storm_ecs::World;
///
/// let (oak, ash) = (Handle::of("chair", "oak"), Handle::of("chair", "ash"));
/// let mut world = World::new();
/// let seat = world.spawn((MaterialHandle(oak), MaterialVariants { own: oak, of: vec![(1, ash)] }));
/// gltf::choose_variant(&mut world, Some(1));
/// assert_eq!(world.get::<MaterialHandle>(seat), Some(&MaterialHandle(ash)));
/// gltf::choose_variant(&mut world, Some(0));
/// assert_eq!(world.get::<MaterialHandle>(seat), Some(&MaterialHandle(oak)));
/// ```
pub fn choose_variant(world: &mut World, variant: Option<usize>) {
    let chosen: Vec<(Entity, MaterialHandle)> = world
        .query::<(Entity, &MaterialVariants, &MaterialHandle)>()
        .into_iter()
        .filter_map(|(entity, surfaces, now)| {
            let of = surfaces
                .of
                .iter()
                .find(|(index, _)| Some(*index) == variant);
            let wanted = MaterialHandle(of.map_or(surfaces.own, |(_, material)| *material));
            (wanted != *now).then_some((entity, wanted))
        })
        .collect();
    for (entity, material) in chosen {
        add(world, entity, material);
    }
}

/// Adds components to an entity that is there.
fn add<B: storm_ecs::Bundle>(world: &mut World, entity: Entity, bundle: B) {
    let added = world.insert(entity, bundle);
    debug_assert!(added.is_ok(), "the caller has made or found the entity");
}

fn transform(node: NodeTransform) -> Transform {
    Transform::from_parts(node.translation, node.rotation, node.scale)
}

fn projection(projection: Projection) -> scene::Projection {
    match projection {
        Projection::Perspective {
            yfov,
            aspect,
            znear,
            zfar,
        } => scene::Projection::Perspective {
            yfov,
            aspect,
            znear,
            zfar,
        },
        Projection::Orthographic {
            xmag,
            ymag,
            znear,
            zfar,
        } => scene::Projection::Orthographic {
            xmag,
            ymag,
            znear,
            zfar,
        },
    }
}
