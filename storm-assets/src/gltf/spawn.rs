//! A scene of a glTF file as entities.

use std::{collections::BTreeMap, sync::Arc};

use storm_ecs::{
    Entity, World,
    scene::{
        self, ChildOf, DirectionalLight, GlobalTransform, Name, PointLight, SpotLight, Transform,
        Visibility,
    },
};

use super::{Gltf, LightKind, NodeTransform, Primitive, Projection};
use crate::{
    AssetId, Handle, LiveMaterial, Material, MaterialHandle, MaterialVariants, MeshHandle,
    MorphWeights, Skinned,
    animation::{Animator, Binding, PointerTarget, Property, Rig},
};

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

/// What spawning needs to know beside the file.
struct Spawning<'a> {
    world: &'a mut World,
    spawned: Spawned,
    /// Entities with the primitives of each node.
    primitives: BTreeMap<usize, Vec<Entity>>,
    /// By the material of the file: the one of this instance, and its entity.
    live: BTreeMap<Handle<Material>, (Handle<Material>, Entity)>,
    /// The joints of each skin, once, however many nodes have it.
    joints: BTreeMap<usize, Arc<[Entity]>>,
    /// Nodes that are hidden or may come to be, and all below them.
    veiled: Vec<bool>,
}

impl Gltf {
    /// Makes entities of a scene (`None`: the default one, or the first, or all nodes where there are no scenes) below a new root.
    ///
    /// Each node becomes an entity with `Transform`, `GlobalTransform` (identity until propagation runs), `ChildOf`, and a `Name`, camera and
    /// light where it has one; `Visibility::Hidden` where the file hides it. Copies of a node's mesh (EXT_mesh_gpu_instancing) are its children,
    /// one a primitive. A node with one primitive carries [`MeshHandle`] and [`MaterialHandle`] itself; with several, each is a child.
    /// Skinned primitives are children of the root, since joints place them and their node does not; they have [`Skinned`]. Those with morph
    /// targets have [`MorphWeights`]. Where [`Gltf::pose_at_rest`] was called for the scene they show that pose instead, and have neither.
    ///
    /// Where the file has clips, the root has an [`Animator`] that plays none yet: see [`Gltf::spawn_with`]. Nodes whose visibility a clip drives have
    /// a `Visibility`; materials that a clip drives are [`LiveMaterial`]s of this instance alone, each an entity below the root.
    ///
    /// The handles lead into [`Gltf::library`]. Cost: O(nodes + primitives + keys).
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
        self.spawn_with(world, scene, &Arc::new(self.rig()))
    }

    /// As [`Gltf::spawn`], with a rig that was made before ([`Gltf::rig`]): many instances share it. Cost: O(nodes + primitives).
    pub fn spawn_with(&self, world: &mut World, scene: Option<usize>, rig: &Arc<Rig>) -> Spawned {
        let index = scene.or(self.default_scene).unwrap_or(0);
        let name = match self.scenes.get(index) {
            Some(scene) if !scene.name.is_empty() => &scene.name,
            _ => &self.source,
        };
        let place = (Transform::IDENTITY, GlobalTransform::IDENTITY);
        let root = world.spawn((place.0, place.1, Name::new(name)));
        let order = self.scene_nodes(scene);
        let mut spawning = Spawning {
            world,
            spawned: Spawned {
                root,
                nodes: vec![None; self.nodes.len()],
                drawn: Vec::new(),
                cameras: Vec::new(),
            },
            primitives: BTreeMap::new(),
            live: BTreeMap::new(),
            joints: BTreeMap::new(),
            veiled: self.veiled(rig, &order),
        };
        self.spawn_live_materials(&mut spawning, rig);
        for &index in &order {
            let node = &self.nodes[index];
            // Parents come before their children.
            let parent = node
                .parent
                .and_then(|parent| spawning.spawned.nodes[parent])
                .unwrap_or(root);
            let entity = spawning.world.spawn((
                transform(node.transform),
                GlobalTransform::IDENTITY,
                ChildOf(parent),
            ));
            spawning.spawned.nodes[index] = Some(entity);
            let world = &mut *spawning.world;
            if !node.name.is_empty() {
                add(world, entity, Name::new(&node.name));
            }
            if spawning.veiled[index] {
                let visibility = if node.visible {
                    Visibility::Inherited
                } else {
                    Visibility::Hidden
                };
                add(world, entity, visibility);
            }
            if let Some(camera) = node.camera.and_then(|camera| self.cameras.get(camera)) {
                add(
                    world,
                    entity,
                    scene::Camera {
                        projection: projection(camera.projection),
                    },
                );
                spawning.spawned.cameras.push(entity);
            }
            self.spawn_light(world, index, entity);
        }
        // Joints may be anywhere in the scene: what they move comes after them.
        for &index in &order {
            if let Some(entity) = spawning.spawned.nodes[index] {
                self.spawn_primitives(&mut spawning, index, entity);
            }
        }
        if rig.clip_count() > 0 {
            let bindings = self.bindings(&spawning, rig);
            add(
                spawning.world,
                root,
                Animator::new(Arc::clone(rig), bindings),
            );
        }
        spawning.spawned
    }

    /// Makes a material of its own for each that a clip drives.
    fn spawn_live_materials(&self, spawning: &mut Spawning<'_>, rig: &Rig) {
        let root = spawning.spawned.root;
        for channel in rig.channels() {
            let Property::Pointer(PointerTarget::Material(number, _)) = channel.property else {
                continue;
            };
            let Some(&shared) = self.materials.get(number as usize) else {
                continue;
            };
            let Some(material) = self.library.materials.get(shared) else {
                continue;
            };
            if spawning.live.contains_key(&shared) {
                continue;
            }
            let label = format!("material/{number}/of/{}", root.to_bits());
            let handle = Handle::new(AssetId::new(&self.source, &label));
            let live = LiveMaterial {
                handle,
                material: (**material).clone(),
            };
            let entity = spawning.world.spawn((live, ChildOf(root)));
            spawning.live.insert(shared, (handle, entity));
        }
    }

    /// Nodes that are hidden or may come to be, and all below them.
    fn veiled(&self, rig: &Rig, order: &[usize]) -> Vec<bool> {
        let mut veiled = vec![false; self.nodes.len()];
        for &index in order {
            let node = &self.nodes[index];
            let driven = Property::Pointer(PointerTarget::NodeVisible(index as u32));
            veiled[index] = !node.visible
                || rig.channel(driven).is_some()
                || node.parent.is_some_and(|parent| veiled[parent]);
        }
        veiled
    }

    /// Which entities the channels of a rig drive.
    fn bindings(&self, spawning: &Spawning<'_>, rig: &Rig) -> Vec<Binding> {
        let nodes = &spawning.spawned.nodes;
        let node = |node: u32| nodes.get(node as usize).copied().flatten();
        let of_node = |node: u32| {
            spawning
                .primitives
                .get(&(node as usize))
                .into_iter()
                .flatten()
                .copied()
        };
        let of_mesh = |mesh: u32| {
            let with = move |node: &&usize| {
                let node = &self.nodes[**node];
                node.mesh == Some(mesh as usize) && node.morph_weights.is_empty()
            };
            let nodes = spawning.primitives.keys().filter(with);
            nodes.flat_map(move |node| of_node(*node as u32))
        };
        let mut bindings = Vec::new();
        for (number, channel) in rig.channels().iter().enumerate() {
            let mut bind = |entity: Entity| {
                bindings.push(Binding {
                    entity,
                    channel: number,
                });
            };
            match channel.property {
                Property::Translation(index)
                | Property::Rotation(index)
                | Property::Scale(index) => {
                    node(index).into_iter().for_each(bind);
                }
                Property::Weights(index) => of_node(index).for_each(bind),
                Property::Pointer(target) => match target {
                    PointerTarget::NodeWeight(index, _) => of_node(index).for_each(bind),
                    PointerTarget::NodeVisible(index) => node(index).into_iter().for_each(bind),
                    PointerTarget::MeshWeights(mesh) | PointerTarget::MeshWeight(mesh, _) => {
                        of_mesh(mesh).for_each(bind);
                    }
                    PointerTarget::Material(material, _) => {
                        let shared = self.materials.get(material as usize);
                        let live = shared.and_then(|shared| spawning.live.get(shared));
                        live.into_iter().for_each(|(_, entity)| bind(*entity));
                    }
                    PointerTarget::Camera(camera, _) => {
                        let with =
                            |(node, _): &(&super::Node, _)| node.camera == Some(camera as usize);
                        let found = self.nodes.iter().zip(nodes).filter(with);
                        found.filter_map(|(_, entity)| *entity).for_each(bind);
                    }
                    PointerTarget::Light(light, _) => {
                        let with =
                            |(node, _): &(&super::Node, _)| node.light == Some(light as usize);
                        let found = self.nodes.iter().zip(nodes).filter(with);
                        found.filter_map(|(_, entity)| *entity).for_each(bind);
                    }
                },
            }
        }
        bindings
    }

    fn spawn_primitives(&self, spawning: &mut Spawning<'_>, index: usize, entity: Entity) {
        let node = &self.nodes[index];
        let Some(group) = node.mesh.and_then(|mesh| self.meshes.get(mesh)) else {
            return;
        };
        let single = group.primitives.len() == 1 && node.instances.is_empty();
        let joints = self.joints(spawning, index);
        // Skinned meshes stand where their joints are, once.
        for &instance in node.instances.iter().skip(1) {
            for (number, primitive) in group.primitives.iter().enumerate() {
                if node.skin.is_none() {
                    let place = transform(instance);
                    let parts = (place, GlobalTransform::IDENTITY, ChildOf(entity));
                    let drawn = spawning.world.spawn(parts);
                    self.dress(spawning, drawn, (index, number), primitive, None);
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
                // Where it stands says nothing, but what hides its node hides it.
                let posed = self.rest_meshes.contains_key(&(index, number));
                let parent = if skinned && (posed || !spawning.veiled[index]) {
                    spawning.spawned.root
                } else {
                    entity
                };
                let name = if group.name.is_empty() {
                    &node.name
                } else {
                    &group.name
                };
                spawning.world.spawn((
                    if skinned { Transform::IDENTITY } else { first },
                    GlobalTransform::IDENTITY,
                    ChildOf(parent),
                    Name::new(name),
                ))
            };
            let joints = joints.clone().filter(|_| skinned);
            self.dress(spawning, drawn, (index, number), primitive, joints);
        }
    }

    /// The joints of a node's skin.
    fn joints(&self, spawning: &mut Spawning<'_>, node: usize) -> Option<Skinned> {
        let index = self.nodes[node].skin?;
        let handle = *self.skins.get(index)?;
        let skin = self.library.skins.get(handle)?;
        let nodes = &spawning.spawned.nodes;
        let entity = |joint: &u32| {
            let entity = nodes.get(*joint as usize).copied();
            entity.flatten().unwrap_or(Entity::DANGLING)
        };
        let joints = spawning
            .joints
            .entry(index)
            .or_insert_with(|| skin.joints.iter().map(entity).collect());
        Some(Skinned {
            skin: handle,
            joints: Arc::clone(joints),
        })
    }

    /// Gives an entity a primitive, with what deforms it.
    fn dress(
        &self,
        spawning: &mut Spawning<'_>,
        drawn: Entity,
        (node, number): (usize, usize),
        primitive: &Primitive,
        skinned: Option<Skinned>,
    ) {
        let live = spawning.live.get(&primitive.material);
        let material = live.map_or(primitive.material, |(handle, _)| *handle);
        let world = &mut *spawning.world;
        if let Some(&posed) = self.rest_meshes.get(&(node, number)) {
            add(world, drawn, (MeshHandle(posed), MaterialHandle(material)));
        } else {
            let handles = (MeshHandle(primitive.mesh), MaterialHandle(material));
            add(world, drawn, handles);
            if let Some(skinned) = skinned {
                add(world, drawn, skinned);
            }
            let mesh = self.library.meshes.get(primitive.mesh);
            if mesh.is_some_and(|mesh| !mesh.morph_targets.is_empty()) {
                add(world, drawn, MorphWeights(self.morph_weights(node)));
            }
        }
        let variants = self.nodes[node].mesh.and_then(|mesh| self.meshes.get(mesh));
        let of: Vec<_> = variants
            .into_iter()
            .flat_map(|group| &group.variants)
            .filter(|variant| variant.primitive == number)
            .map(|variant| {
                let live = spawning.live.get(&variant.material);
                let material = live.map_or(variant.material, |(handle, _)| *handle);
                (variant.variant, material)
            })
            .collect();
        if !of.is_empty() {
            add(world, drawn, MaterialVariants { own: material, of });
        }
        if spawning.veiled[node] && !world.has::<Visibility>(drawn) {
            add(world, drawn, Visibility::Inherited);
        }
        spawning.spawned.drawn.push(drawn);
        spawning.primitives.entry(node).or_default().push(drawn);
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
