//! From joints and morph weights in a world to poses in a scene.
//!
//! An entity is posed anew where it was just set, or its joints, its weights, its place or the place of one of its joints changed. The rest cost a look at a bit
//! a joint, and nothing where nothing moved.

use std::sync::Arc;

use glam::Mat4;
use storm_assets::{Library, MeshHandle, MorphWeights, Skin, Skinned};
use storm_ecs::{ChangeTick, Changed, Entity, Or, With, World, scene::GlobalTransform};

use crate::{
    error::Result,
    extract::{ExtractStats, Extractor},
    scene::{Pose, RenderSlot, Scene},
};

/// What is kept between extractions.
#[derive(Debug, Default)]
pub(crate) struct PoseExtractor {
    /// By entity index, a bit each: those that moved.
    moved: Vec<u64>,
    /// Whose skin was not in the library.
    waiting: Vec<Entity>,
    /// Entities to be posed, and what each of them needs.
    work: Vec<Entity>,
    /// Most instances that there was no room for, as it was last said.
    left_out: u64,
}

/// Instances that share a pose.
struct Group<'w> {
    slots: Vec<RenderSlot>,
    global: &'w GlobalTransform,
    skin: Option<(&'w Skinned, &'w Arc<Skin>)>,
    weights: &'w [f32],
}

impl Group<'_> {
    fn is_same(&self, other: &Self) -> bool {
        let same_skin = match (self.skin, other.skin) {
            (Some((a, _)), Some((b, _))) => a.skin == b.skin && Arc::ptr_eq(&a.joints, &b.joints),
            _ => false,
        };
        same_skin && self.global == other.global && self.weights == other.weights
    }

    /// From mesh space to that of the instance, a matrix a joint.
    fn joints(&self, world: &World) -> Vec<Mat4> {
        let Some((skinned, skin)) = self.skin else {
            return Vec::new();
        };
        skinned.matrices(skin, self.global, |joint| world.get(joint))
    }
}

impl PoseExtractor {
    fn has_moved(&self, entity: Entity) -> bool {
        let index = entity.index() as usize;
        let word = self.moved.get(index / 64).copied().unwrap_or(0);
        word >> (index % 64) & 1 != 0
    }

    /// Notes which entities moved; gives whether any did.
    fn note_moved(&mut self, world: &World, since: ChangeTick) -> bool {
        self.moved.fill(0);
        let mut any = false;
        for table in world.tables::<&GlobalTransform>() {
            let entities = table.entities();
            for range in table.changed_rows::<GlobalTransform>(since) {
                any |= !range.is_empty();
                for entity in &entities[range] {
                    let index = entity.index() as usize;
                    if self.moved.len() <= index / 64 {
                        self.moved.resize(index / 64 + 1, 0);
                    }
                    self.moved[index / 64] |= 1 << (index % 64);
                }
            }
        }
        any
    }

    /// Poses what changed. `slot` gives the slot of an entity, and whether it was set just now; `since` is what was seen; `lost` has at least those that have
    /// lost a component since.
    pub(crate) fn extract(
        &mut self,
        (world, library, scene): (&World, &Library, &mut Scene),
        since: ChangeTick,
        lost: &[Entity],
        slot: impl Fn(Entity) -> Option<(RenderSlot, bool)>,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        type Shaped = Or<(With<Skinned>, With<MorphWeights>)>;
        self.forget(world, scene, lost, &slot)?;
        self.work.clear();
        if world
            .query_filtered::<Entity, Shaped>()
            .iter()
            .next()
            .is_none()
        {
            return Ok(());
        }
        let any_moved = self.note_moved(world, since);
        let late = std::mem::take(&mut self.waiting);
        self.work.extend(late);
        // Those that were set just now changed in one of these, too.
        type Written = (
            Shaped,
            Or<(Changed<Skinned>, Changed<MorphWeights>, Changed<MeshHandle>)>,
        );
        self.work
            .extend(world.query_filtered::<Entity, Written>().since(since));
        for (entity, skinned) in world.query::<(Entity, &Skinned)>() {
            let set = slot(entity).is_some_and(|(_, set)| set);
            let moved = any_moved
                && (self.has_moved(entity)
                    || skinned.joints.iter().any(|joint| self.has_moved(*joint)));
            if set || moved {
                self.work.push(entity);
            }
        }
        for (entity, _) in world.query::<(Entity, &MorphWeights)>() {
            if slot(entity).is_some_and(|(_, set)| set) {
                self.work.push(entity);
            }
        }
        self.work.sort_unstable();
        self.work.dedup();
        self.pose((world, library, scene), &slot, stats)
    }

    /// Shows at rest what has lost what deformed it.
    fn forget(
        &mut self,
        world: &World,
        scene: &mut Scene,
        lost: &[Entity],
        slot: &impl Fn(Entity) -> Option<(RenderSlot, bool)>,
    ) -> Result<()> {
        for &entity in lost {
            if let Some((slot, _)) = slot(entity)
                && !world.has::<Skinned>(entity)
            {
                if world.has::<MorphWeights>(entity) {
                    // Without joints from now on.
                    self.waiting.push(entity);
                } else if scene.has_pose(slot) {
                    scene.clear_pose(slot)?;
                }
            }
        }
        Ok(())
    }

    fn pose(
        &mut self,
        (world, library, scene): (&World, &Library, &mut Scene),
        slot: &impl Fn(Entity) -> Option<(RenderSlot, bool)>,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for &entity in &self.work {
            let (Some((slot, _)), Some(global)) = (slot(entity), world.get(entity)) else {
                continue;
            };
            let skinned = world.get::<Skinned>(entity);
            let skin = skinned.and_then(|skinned| {
                let skin = library.skins.get(skinned.skin);
                if skin.is_none() {
                    self.waiting.push(entity);
                }
                Some((skinned, skin?))
            });
            let weights = world.get::<MorphWeights>(entity);
            let weights = weights.map_or(&[][..], |weights| &weights.0);
            // Without joints and weights it is at rest, unless it was not before.
            if skin.is_none()
                && weights.iter().all(|weight| *weight == 0.0)
                && !scene.has_pose(slot)
            {
                continue;
            }
            let group = Group {
                slots: vec![slot],
                global,
                skin,
                weights,
            };
            match groups.last_mut() {
                Some(last) if last.is_same(&group) => last.slots.push(slot),
                _ => groups.push(group),
            }
        }
        #[cfg(feature = "rayon")]
        let joints: Vec<Vec<Mat4>> = {
            use rayon::prelude::*;
            let groups = groups.par_iter().with_min_len(16);
            groups.map(|group| group.joints(world)).collect()
        };
        #[cfg(not(feature = "rayon"))]
        let joints: Vec<Vec<Mat4>> = groups.iter().map(|group| group.joints(world)).collect();
        let poses: Vec<Pose<'_>> = groups
            .iter()
            .zip(&joints)
            .map(|(group, joints)| Pose {
                slots: &group.slots,
                joints,
                weights: group.weights,
            })
            .collect();
        stats.posed = poses.iter().map(|pose| pose.slots.len() as u64).sum();
        stats.poses_left_out = scene.set_poses(&poses)?;
        Ok(())
    }
}

impl Extractor {
    pub(crate) fn extract_poses(
        &mut self,
        world: &World,
        library: &Library,
        scene: &mut Scene,
        since: ChangeTick,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let mut poses = std::mem::take(&mut self.poses);
        let slot = |entity: Entity| Some((self.slot(entity)?, self.was_set(entity)));
        let removed = [
            world.removed::<Skinned>(since),
            world.removed::<MorphWeights>(since),
        ];
        let lost: Vec<Entity> = if removed.iter().all(storm_ecs::Removed::is_complete) {
            removed.into_iter().flatten().collect()
        } else {
            // More than the logs hold: any may have.
            self.drawn().collect()
        };
        let done = poses.extract((world, library, scene), since, &lost, slot, stats);
        self.poses = poses;
        // They are tried again whenever they move: said once.
        if stats.poses_left_out > self.poses.left_out {
            self.poses.left_out = stats.poses_left_out;
            tracing::warn!(
                instances = stats.poses_left_out,
                "no room to deform them: they stay at rest"
            );
        }
        done
    }
}
