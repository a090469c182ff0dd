//! Which clusters a view draws: the reference for what a GPU chooses, operation by operation.
//!
//! Products, sums, comparisons and one square root, in `f32`: a GPU that does the same in the same order says the same.

use super::{ClusterMesh, NO_GROUP, NodeChild, Page, Sphere};

/// How a view sees a mesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutView {
    /// From the mesh's space to the one that the eye is given in: three rows of (x, y, z, translation).
    pub rows: [[f32; 4]; 3],
    /// Where the view looks from, metres; not used when orthographic.
    pub eye: [f32; 3],
    /// The least distance that counts, metres; over 0.
    pub near: f32,
    /// Pixels that a metre covers at distance 1; when orthographic, at any distance.
    pub scale: f32,
    /// The largest error that may be seen, pixels.
    pub threshold: f32,
    /// Whether distance counts for nothing.
    pub orthographic: bool,
}

impl Default for CutView {
    /// From the origin of the mesh's space, a 1080 pixels high picture over 60 degrees, 1 pixel.
    fn default() -> Self {
        Self {
            rows: [
                [1.0, 0.0, 0.0, 0.0],
                [0.0, 1.0, 0.0, 0.0],
                [0.0, 0.0, 1.0, 0.0],
            ],
            eye: [0.0; 3],
            near: 0.1,
            scale: 935.0,
            threshold: 1.0,
            orthographic: false,
        }
    }
}

impl CutView {
    /// The largest of the lengths of the columns of `rows`: how many times larger the mesh is drawn, at most.
    #[must_use]
    pub fn stretch(&self) -> f32 {
        let r = &self.rows;
        let squared = |c: usize| r[0][c] * r[0][c] + r[1][c] * r[1][c] + r[2][c] * r[2][c];
        squared(0).max(squared(1)).max(squared(2)).sqrt()
    }

    /// Whether an error within a sphere is seen: its projection exceeds the threshold. `stretch` is that of this view.
    #[must_use]
    pub fn exceeds(&self, stretch: f32, sphere: &Sphere, error: f32) -> bool {
        let seen = stretch * error * self.scale;
        if self.orthographic {
            return seen > self.threshold;
        }
        let [x, y, z] = sphere.center;
        let d = [0, 1, 2].map(|i| {
            let row = &self.rows[i];
            row[0] * x + row[1] * y + row[2] * z + row[3] - self.eye[i]
        });
        let distance = (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt() - stretch * sphere.radius;
        seen > self.threshold * distance.max(self.near)
    }
}

/// A cluster of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId {
    /// Its page.
    pub page: u32,
    /// Its number within the page.
    pub cluster: u32,
}

/// The clusters that `view` draws of `mesh` with the pages that `resident` gives, in the order of the descent. No culling.
///
/// The resident pages have to be closed: with a page, the pages that it needs; and the root pages. Then each part of the surface is drawn exactly once.
/// Cost: O(what is drawn and the nodes above it).
pub fn cut<'p>(
    mesh: &ClusterMesh,
    view: &CutView,
    mut resident: impl FnMut(u32) -> Option<&'p Page>,
) -> Vec<ClusterId> {
    let stretch = view.stretch();
    let groups = mesh.groups();
    let mut drawn = Vec::new();
    let mut queue = vec![0u32];
    let mut next = 0;
    while next < queue.len() {
        let node = &mesh.nodes()[queue[next] as usize];
        next += 1;
        for child in node.children() {
            if !view.exceeds(stretch, &child.sphere, child.error) {
                continue;
            }
            if child.target & NodeChild::GROUP == 0 {
                queue.push(child.target);
                continue;
            }
            let group = &groups[(child.target & !NodeChild::GROUP) as usize];
            let Some(page) = resident(group.page) else {
                continue;
            };
            for i in 0..group.cluster_count() {
                let cluster = group.first_cluster() + i;
                let refined = page.records()[cluster as usize].refined;
                let finer = refined != NO_GROUP && {
                    let finer = &groups[refined as usize];
                    view.exceeds(stretch, &finer.sphere, finer.error)
                        && resident(finer.page).is_some()
                };
                if !finer {
                    drawn.push(ClusterId {
                        page: group.page,
                        cluster,
                    });
                }
            }
        }
    }
    drawn
}
