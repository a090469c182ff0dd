//! Cluster meshes: what the builder makes keeps the rules that drawing trusts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    num::NonZeroUsize,
    ops::ControlFlow,
    sync::OnceLock,
};

use glam::Vec3;
use storm_assets::{
    Mesh, MorphTarget, Topology,
    clusters::{self, BuildError, BuildOptions, ClusterId, ClusterMesh, CutView, NO_GROUP, Page},
};

use crate::clusters_shapes::{Random, ball, boxes, dressed, moved, terrain};

/// A mesh with all its pages.
pub(crate) struct Built {
    pub(crate) mesh: ClusterMesh,
    pub(crate) pages: Vec<Page>,
}

impl Built {
    pub(crate) fn of(mesh: &Mesh) -> Self {
        let mesh = clusters::build(mesh, &BuildOptions::default()).expect("it can be built");
        Self::from(mesh)
    }

    pub(crate) fn from(mesh: ClusterMesh) -> Self {
        let pages = (0..mesh.info().pages)
            .map(|page| mesh.read_page(page).expect("a page by the rules"))
            .collect();
        Self { mesh, pages }
    }

    pub(crate) fn cut(&self, view: &CutView, resident: &dyn Fn(u32) -> bool) -> Vec<ClusterId> {
        clusters::cut(&self.mesh, view, |p| {
            resident(p).then(|| &self.pages[p as usize])
        })
    }

    /// Directed edges on the grid of all triangles of a cut.
    fn edges(&self, cut: &[ClusterId]) -> HashSet<[[i32; 3]; 2]> {
        let mut edges = HashSet::new();
        for id in cut {
            let cluster = self.pages[id.page as usize].cluster(id.cluster, self.mesh.info());
            for t in &cluster.triangles {
                let corners = t.map(|v| cluster.grid[usize::from(v)]);
                edges.extend([0, 1, 2].map(|i| [corners[i], corners[(i + 1) % 3]]));
            }
        }
        edges
    }

    /// Every cluster with the number of its group.
    fn all(&self) -> Vec<(ClusterId, usize)> {
        let groups = self.mesh.groups().iter().enumerate();
        groups
            .flat_map(|(g, group)| {
                let first = group.first_cluster();
                let id = move |cluster| ClusterId {
                    page: group.page,
                    cluster,
                };
                (first..first + group.cluster_count()).map(move |c| (id(c), g))
            })
            .collect()
    }

    fn refined(&self, id: ClusterId) -> u32 {
        self.pages[id.page as usize].records()[id.cluster as usize].refined
    }

    /// A random set of pages that is closed.
    fn some_pages(&self, random: &mut Random) -> Vec<bool> {
        let share = random.unit();
        let mut resident = vec![false; self.pages.len()];
        for (i, page) in self.mesh.pages().iter().enumerate() {
            resident[i] = i < self.mesh.info().root_pages as usize
                || random.unit() < share && page.needs.iter().all(|&n| resident[n as usize]);
        }
        resident
    }
}

fn random_view(random: &mut Random, size: f32) -> CutView {
    let exponent = random.unit() * 14.0 - 4.0;
    CutView {
        eye: [0; 3].map(|_| random.signed() * size * 3.0),
        near: 0.01 * size,
        scale: 1000.0,
        threshold: exponent.exp2(),
        orthographic: random.next().is_multiple_of(4),
        ..CutView::default()
    }
}

/// Closed surfaces and how large they are.
fn closed() -> &'static [(&'static str, f32, Built)] {
    static CLOSED: OnceLock<Vec<(&'static str, f32, Built)>> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let wide = moved(ball(40, 0.05, true), 2e5, 7e6);
        let tiny = moved(ball(40, 0.05, true), 1e-6, 0.0);
        [
            ("smooth", 1.0, ball(40, 0.0, false)),
            ("bumpy with seams", 1.0, ball(70, 0.03, true)),
            ("boxes", 10.0, boxes(700)),
            ("wide", 2e5, wide),
            ("tiny", 1e-6, tiny),
        ]
        .into_iter()
        .map(|(name, size, mesh)| (name, size, Built::of(&mesh)))
        .collect()
    })
}

#[test]
fn a_cut_of_a_closed_surface_is_closed_in_every_view_whatever_pages_are_there() {
    let mut random = Random(1);
    for (name, size, built) in closed() {
        let mut sizes = BTreeSet::new();
        for round in 0..60 {
            let view = random_view(&mut random, *size);
            let some = built.some_pages(&mut random);
            let cut = built.cut(&view, &|p| round % 2 == 0 || some[p as usize]);
            let edges = built.edges(&cut);
            for [a, b] in &edges {
                assert!(
                    edges.contains(&[*b, *a]),
                    "{name}: {a:?} to {b:?} is open in {view:?}"
                );
            }
            sizes.insert(cut.len());
        }
        assert!(sizes.len() > 5, "{name}: {sizes:?}");
    }
}

#[test]
fn a_cut_of_an_open_surface_is_open_at_its_rim_only() {
    let built = Built::of(&terrain(150));
    let info = built.mesh.info();
    let rim = |q: [i32; 3]| {
        [0, 2].iter().any(|&i| {
            let p = info.origin[i] + info.step * q[i] as f32;
            (p.abs() - 50.0).abs() <= info.step
        })
    };
    let mut random = Random(2);
    for _ in 0..40 {
        let view = random_view(&mut random, 50.0);
        let edges = built.edges(&built.cut(&view, &|_| true));
        let open = edges.iter().filter(|[a, b]| !edges.contains(&[*b, *a]));
        for [a, b] in open {
            assert!(rim(*a) && rim(*b), "{a:?} to {b:?} is open");
        }
    }
}

/// From any cluster of level 0 upwards, through any of the clusters that were made from its group: exactly one is drawn.
#[test]
fn each_path_through_the_graph_is_cut_once() {
    let mut random = Random(3);
    for (name, size, built) in closed() {
        let all = built.all();
        let mut made_from: HashMap<u32, Vec<(ClusterId, usize)>> = HashMap::new();
        for &(id, group) in &all {
            made_from
                .entry(built.refined(id))
                .or_default()
                .push((id, group));
        }
        for round in 0..30 {
            let mut view = random_view(&mut random, *size);
            // Turned, stretched and moved: what is drawn once stays so.
            view.rows = [0, 1, 2].map(|_| {
                let r = [0; 4].map(|_| random.signed());
                [r[0], r[1], r[2], r[3] * size]
            });
            let some = built.some_pages(&mut random);
            let cut = built.cut(&view, &|p| round % 2 == 0 || some[p as usize]);
            let drawn: HashSet<ClusterId> = cut.iter().copied().collect();
            assert_eq!(drawn.len(), cut.len(), "{name}: twice");
            for start in &made_from[&NO_GROUP] {
                let mut count = 0;
                let mut at = *start;
                loop {
                    count += u32::from(drawn.contains(&at.0));
                    let group = &built.mesh.groups()[at.1];
                    let Some(above) = made_from.get(&(at.1 as u32)) else {
                        assert!(group.is_root());
                        break;
                    };
                    assert!(!group.is_root());
                    at = above[(random.next() % above.len() as u64) as usize];
                }
                assert_eq!(count, 1, "{name}: from {start:?} in {view:?}");
            }
        }
    }
}

#[test]
fn errors_grow_and_spheres_hold_along_the_graph() {
    for (name, size, built) in closed() {
        let groups = built.mesh.groups();
        for (id, g) in built.all() {
            let group = &groups[g];
            let record = built.pages[id.page as usize].records()[id.cluster as usize];
            if let Some(refined) = groups.get(record.refined as usize) {
                assert!(
                    group.error > refined.error || refined.error == 0.0,
                    "{name}"
                );
                assert!(group.sphere.holds(&refined.sphere, 0.0), "{name}: {id:?}");
                assert!(record.level > 0 && refined.level + 1 == record.level);
            } else {
                assert_eq!((record.refined, record.level), (NO_GROUP, 0), "{name}");
            }
            let cluster = built.pages[id.page as usize].cluster(id.cluster, built.mesh.info());
            for p in cluster.positions {
                let d = Vec3::from(p).distance(record.sphere.center.into());
                assert!(d <= record.sphere.radius + size * 1e-6, "{name}: {id:?}");
                let d = Vec3::from(p).distance(group.sphere.center.into());
                assert!(d <= group.sphere.radius + size * 1e-6, "{name}: {id:?}");
            }
        }
        for node in built.mesh.nodes() {
            for child in node.children() {
                let Some(below) = built.mesh.nodes().get(child.target as usize) else {
                    continue;
                };
                for below in below.children() {
                    assert!(child.error >= below.error);
                    assert!(child.sphere.holds(&below.sphere, 0.0), "{name}");
                    assert!(child.cull.holds(&below.cull, 0.0), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_group_comes_only_where_what_replaces_it_is() {
    for (name, _, built) in closed() {
        let pages = built.mesh.pages();
        for (id, g) in built.all() {
            let record = built.pages[id.page as usize].records()[id.cluster as usize];
            if let Some(refined) = built.mesh.groups().get(record.refined as usize) {
                let needs = &pages[refined.page as usize].needs;
                assert!(
                    refined.page == id.page || needs.contains(&id.page),
                    "{name}"
                );
                assert!(g < record.refined as usize, "{name}: coarsest first");
            }
        }
        for (i, page) in pages.iter().enumerate() {
            assert!(page.needs.iter().all(|&n| (n as usize) < i), "{name}");
        }
    }
}

/// Triangles as points on the grid, the smallest corner first, with how often each is there.
fn triangles(built: &Built, level: u32) -> BTreeMap<[[i32; 3]; 3], u32> {
    let mut found = BTreeMap::new();
    for (id, _) in built.all() {
        let page = &built.pages[id.page as usize];
        if page.records()[id.cluster as usize].level == level {
            let cluster = page.cluster(id.cluster, built.mesh.info());
            for t in &cluster.triangles {
                let corners = t.map(|v| cluster.grid[usize::from(v)]);
                *found.entry(turned(corners)).or_insert(0) += 1;
            }
        }
    }
    found
}

fn turned(mut corners: [[i32; 3]; 3]) -> [[i32; 3]; 3] {
    let smallest = (0..3).min_by_key(|&i| corners[i]).expect("three");
    corners.rotate_left(smallest);
    corners
}

#[test]
fn level_0_is_the_source_on_the_grid() {
    for mesh in [ball(30, 0.02, true), terrain(40), boxes(40)] {
        let built = Built::of(&mesh);
        let info = built.mesh.info();
        let grid = |i: u32| {
            let p = mesh.positions[i as usize];
            [0, 1, 2].map(|k| {
                let q = (f64::from(p[k]) - f64::from(info.origin[k])) / f64::from(info.step);
                q.round() as i32
            })
        };
        let mut expected = BTreeMap::new();
        for t in mesh.indices.chunks_exact(3) {
            let corners = [grid(t[0]), grid(t[1]), grid(t[2])];
            *expected.entry(turned(corners)).or_insert(0) += 1;
        }
        assert_eq!(triangles(&built, 0), expected);
        assert_eq!(
            info.source_triangle_count() as usize * 3,
            mesh.indices.len()
        );
    }
}

#[test]
fn attributes_come_back_within_what_their_bits_can_say() {
    let mesh = dressed(12);
    let built = Built::of(&mesh);
    let info = built.mesh.info();
    let mut checked = 0;
    // Where several vertices share a place, the nearest of them is meant.
    let mut at: HashMap<[i32; 3], Vec<usize>> = HashMap::new();
    for (v, p) in mesh.positions.iter().enumerate() {
        let q = [0, 1, 2].map(|k| {
            ((f64::from(p[k]) - f64::from(info.origin[k])) / f64::from(info.step)).round() as i32
        });
        at.entry(q).or_default().push(v);
    }
    for (id, _) in built.all() {
        let cluster = built.pages[id.page as usize].cluster(id.cluster, info);
        for v in 0..cluster.positions.len() {
            let uv = cluster.uvs[0][v];
            let far = |s: &usize| {
                let [a, b] = mesh.uvs[0][*s];
                (a - uv[0]).abs() + (b - uv[1]).abs()
            };
            let same = &at[&cluster.grid[v]];
            let source = *same
                .iter()
                .min_by(|a, b| far(a).total_cmp(&far(b)))
                .unwrap();
            for k in 0..3 {
                let off = cluster.positions[v][k] - mesh.positions[source][k];
                assert!(off.abs() <= info.step * 0.501);
            }
            let normal = Vec3::from(cluster.normals[v]);
            assert!(normal.distance(mesh.normals[source].into()) < 0.0011);
            let [x, y, z, w] = cluster.tangents[v];
            let tangent = Vec3::new(x, y, z);
            let [sx, sy, sz, sw] = mesh.tangents[source];
            assert!(tangent.distance(Vec3::new(sx, sy, sz)) < 0.0045);
            assert!(tangent.dot(normal).abs() < 1e-5 && w == sw);
            for set in 0..2 {
                for k in 0..2 {
                    let off = cluster.uvs[set][v][k] - mesh.uvs[set][source][k];
                    assert!(off.abs() <= info.uv_step[set] * 0.51, "{off}");
                }
            }
            for k in 0..4 {
                let (a, b) = (cluster.colors[v][k], mesh.colors[source][k]);
                assert!((a - b).abs() < 0.005, "{a} {b}");
            }
            checked += 1;
        }
    }
    assert!(checked > mesh.positions.len());
}

/// The charts of the six faces lie side by side. A triangle over two of them would show the wrong part of the texture.
#[test]
fn no_triangle_of_any_level_reaches_over_a_seam_of_uvs() {
    let built = Built::of(&ball(70, 0.03, true));
    let mut levels = BTreeSet::new();
    for (id, _) in built.all() {
        let page = &built.pages[id.page as usize];
        let cluster = page.cluster(id.cluster, built.mesh.info());
        for t in &cluster.triangles {
            let us = t.map(|v| cluster.uvs[0][usize::from(v)][0] * 6.0);
            let (low, high) = (us[0].min(us[1]).min(us[2]), us[0].max(us[1]).max(us[2]));
            assert!(
                high - low.floor() < 1.001 || high - (low + 0.001).floor() < 1.001,
                "{us:?}"
            );
        }
        levels.insert(page.records()[id.cluster as usize].level);
    }
    assert!(levels.len() > 6, "{levels:?}");
}

#[test]
fn any_number_of_threads_makes_the_same_bytes() {
    let mesh = ball(60, 0.03, true);
    let bytes = |threads: usize| {
        let options =
            BuildOptions::default().with_threads(NonZeroUsize::new(threads).expect("some"));
        let built = clusters::build(&mesh, &options).expect("it can be built");
        let mut file = std::io::Cursor::new(Vec::new());
        clusters::write(&built, &mut file).expect("memory");
        file.into_inner()
    };
    let one = bytes(1);
    for threads in [2, 3, 8] {
        assert!(bytes(threads) == one, "{threads} threads");
    }
}

#[test]
fn each_round_halves_what_is_there() {
    let built = Built::of(&ball(70, 0.03, false));
    let info = built.mesh.info();
    let (all, source) = (info.triangle_count(), info.source_triangle_count());
    assert!(all < source * 21 / 10, "{all} of {source}");
    assert_eq!(info.root_pages, 1);
    let roots = built.mesh.groups().iter().filter(|g| g.is_root());
    assert_eq!(roots.map(|g| g.cluster_count()).sum::<u32>(), 1);
}

/// Boxes apart from each other cannot be simplified each on its own for long; the graph still has a coarse end.
#[test]
fn many_parts_become_few_triangles() {
    let (_, _, built) = &closed()[2];
    let far = CutView {
        orthographic: true,
        scale: 1.0,
        threshold: 1e6,
        ..CutView::default()
    };
    let count = |cut: &[ClusterId]| -> u32 {
        let triangles = |id: &ClusterId| {
            built.pages[id.page as usize].records()[id.cluster as usize].triangle_count()
        };
        cut.iter().map(triangles).sum()
    };
    let coarsest = count(&built.cut(&far, &|_| true));
    assert!(coarsest * 4 < 700 * 12, "{coarsest}");
}

/// How far points of the source are from what is drawn, against the error that was allowed: an upper bound is not promised, the order of size is.
#[test]
fn the_error_is_the_distance_of_surfaces_about() {
    let mesh = ball(36, 0.03, false);
    let built = Built::of(&mesh);
    for metres in [0.003, 0.01, 0.03] {
        let view = CutView {
            orthographic: true,
            scale: 1.0,
            threshold: metres,
            ..CutView::default()
        };
        let cut = built.cut(&view, &|_| true);
        let mut triangles = Vec::new();
        for id in &cut {
            let c = built.pages[id.page as usize].cluster(id.cluster, built.mesh.info());
            let corner = |v: u8| Vec3::from(c.positions[usize::from(v)]);
            triangles.extend(c.triangles.iter().map(|t| t.map(corner)));
        }
        let farthest = mesh
            .positions
            .iter()
            .map(|&p| {
                let near = triangles.iter().map(|&t| distance(p.into(), t));
                near.fold(f32::INFINITY, f32::min)
            })
            .fold(0.0, f32::max);
        assert!(farthest < 3.0 * metres, "{farthest} for {metres}");
        assert!(triangles.len() * 3 < mesh.indices.len(), "{metres}");
    }
}

/// From a point to a triangle.
fn distance(p: Vec3, [a, b, c]: [Vec3; 3]) -> f32 {
    let n = (b - a).cross(c - a);
    let inside = [(a, b), (b, c), (c, a)]
        .iter()
        .all(|&(u, v)| (v - u).cross(p - u).dot(n) >= 0.0);
    if inside && n.length() > 0.0 {
        return (p - a).dot(n).abs() / n.length();
    }
    [(a, b), (b, c), (c, a)]
        .iter()
        .map(|&(u, v)| {
            let d = v - u;
            let t = ((p - u).dot(d) / d.dot(d)).clamp(0.0, 1.0);
            p.distance(u + d * t)
        })
        .fold(f32::INFINITY, f32::min)
}

#[test]
fn what_cannot_be_built_is_refused_with_a_reason() {
    let triangle = || Mesh {
        positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        indices: vec![0, 1, 2],
        ..Mesh::default()
    };
    let with = |change: &dyn Fn(&mut Mesh)| {
        let mut mesh = triangle();
        change(&mut mesh);
        mesh
    };
    for (mesh, message) in [
        (
            with(&|m| m.topology = Topology::Points),
            "a mesh of Points, which are no triangles",
        ),
        (
            with(&|m| m.indices = vec![0, 1, 7]),
            "index 2 is 7, which is past the 3 vertices",
        ),
        (
            with(&|m| m.indices.clear()),
            "no triangle with corners in three places",
        ),
        (
            with(&|m| m.positions.clear()),
            "index 0 is 0, which is past the 0 vertices",
        ),
        (
            with(&|m| m.positions = vec![[1.0; 3]; 3]),
            "no triangle with corners in three places",
        ),
        (
            with(&|m| m.positions[1] = [1e-40, 0.0, 0.0]),
            "no triangle with corners in three places",
        ),
        (
            with(&|m| m.positions[1][2] = f32::NAN),
            "position of vertex 1 is not finite",
        ),
        (
            with(&|m| m.positions[2][0] = 1e13),
            "position of vertex 2 is too far from 0",
        ),
        (
            with(&|m| m.uvs = vec![vec![[0.0; 2]; 3]; 3]),
            "3 UV sets, 2 are the limit",
        ),
        (
            with(&|m| m.uvs = vec![vec![[2e6; 2]; 3]]),
            "UV of vertex 0 is too far from 0",
        ),
        (
            with(&|m| m.colors = vec![[f32::INFINITY; 4]; 3]),
            "colour of vertex 0 is not finite",
        ),
        (
            with(&|m| {
                m.joints = vec![vec![[0; 4]; 3]];
                m.weights = vec![vec![[1.0, 0.0, 0.0, 0.0]; 3]];
            }),
            "a mesh with a skin: what deforms is not built into clusters",
        ),
        (
            with(&|m| m.morph_targets = vec![MorphTarget::default()]),
            "a mesh with morph targets: what deforms is not built into clusters",
        ),
    ] {
        let error = clusters::build(&mesh, &BuildOptions::default()).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
    let options = BuildOptions::default().with_precision(-1.0);
    let error = clusters::build(&triangle(), &options).expect_err("no length");
    assert_eq!(error, BuildError::Precision(-1.0));
}

#[test]
fn odd_meshes_are_built() {
    let corner = |i: u32| [(i % 3) as f32, (i / 3 % 3) as f32, (i / 9) as f32];
    let odd = |indices: &[u32]| Mesh {
        positions: (0..27).map(corner).collect(),
        indices: indices.to_vec(),
        ..Mesh::default()
    };
    let fan: Vec<u32> = (1..26).flat_map(|i| [0, i, i + 1]).collect();
    let same = [0, 1, 3].repeat(1000);
    for (name, mesh, triangles) in [
        ("one triangle", odd(&[0, 1, 3]), 1),
        ("one of three", odd(&[0, 0, 3, 0, 1, 3, 5, 4, 5]), 1),
        ("both sides", odd(&[0, 1, 3, 0, 3, 1]), 2),
        ("no area", odd(&[0, 1, 2]), 1),
        ("one vertex in all", odd(&fan), 25),
        ("the same again and again", odd(&same), 1000),
        ("far apart", moved(odd(&[0, 1, 3]), 1e11, 0.0), 1),
        ("far out", moved(odd(&[0, 1, 3]), 1.0, 4e6), 1),
    ] {
        let built = Built::of(&mesh);
        let finest = CutView {
            threshold: 0.0,
            ..CutView::default()
        };
        let cut = built.cut(&finest, &|_| true);
        let count: u32 = cut
            .iter()
            .map(|id| built.pages[id.page as usize].records()[id.cluster as usize].triangle_count())
            .sum();
        assert_eq!(
            built.mesh.info().source_triangle_count(),
            triangles,
            "{name}"
        );
        assert!(count >= 1, "{name}");
    }
}

#[test]
fn progress_goes_up_and_stops_when_told() {
    let mesh = ball(40, 0.03, false);
    let mut told = Vec::new();
    // With one thread the calls are the same each time.
    let options = BuildOptions::default().with_threads(NonZeroUsize::MIN);
    let built = clusters::build_with_progress(&mesh, &options, &mut |p| {
        told.push(p);
        ControlFlow::Continue(())
    });
    assert!(built.is_ok());
    assert!(told.is_sorted_by_key(|p| p.per_mille), "{told:?}");
    assert_eq!(told.last().map(|p| p.per_mille), Some(1000));
    for stop_at in [0, 1, told.len() / 2, told.len() - 1] {
        let mut calls = 0;
        let stopped = clusters::build_with_progress(&mesh, &options, &mut |_| {
            calls += 1;
            if calls > stop_at {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(stopped.err(), Some(BuildError::Stopped), "after {stop_at}");
    }
}

/// Vertices of their own for each triangle, with its normal; and two sheets in one place, back to back.
#[test]
fn hard_edges_and_double_sheets_become_coarse_too() {
    let flat = ball(24, 0.03, false).with_flat_normals();
    let mut sheets = terrain(60);
    let back: Vec<u32> = sheets
        .indices
        .chunks_exact(3)
        .flat_map(|t| [t[0], t[2], t[1]])
        .collect();
    sheets.indices.extend(back);
    let mut random = Random(11);
    for (name, size, mesh) in [("flat", 1.0, flat), ("sheets", 50.0, sheets)] {
        let built = Built::of(&mesh);
        let roots = built.mesh.groups().iter().filter(|g| g.is_root());
        let roots: u32 = roots.map(|g| g.cluster_count()).sum();
        assert!(roots <= 4, "{name}: {roots} clusters at the top");
        for _ in 0..20 {
            let view = random_view(&mut random, size);
            let edges = built.edges(&built.cut(&view, &|_| true));
            for [a, b] in &edges {
                assert!(edges.contains(&[*b, *a]), "{name}: {a:?} to {b:?} is open");
            }
        }
    }
}
