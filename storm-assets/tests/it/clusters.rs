//! Cluster meshes: what the builder makes keeps the rules that drawing trusts.

use std::collections::{BTreeSet, HashMap};

use storm_assets::{
    Mesh,
    clusters::{self, BuildOptions, ClusterId, ClusterMesh, CutView, Page},
};

use crate::clusters_shapes::{Random, ball, terrain};

fn build(mesh: &Mesh) -> ClusterMesh {
    clusters::build(mesh, &BuildOptions::default()).expect("it can be built")
}

fn pages(mesh: &ClusterMesh) -> Vec<Page> {
    (0..mesh.info().pages)
        .map(|page| mesh.read_page(page).expect("a page by the rules"))
        .collect()
}

/// Directed edges on the grid of all triangles of a cut, with how often each is there.
fn edges(mesh: &ClusterMesh, pages: &[Page], cut: &[ClusterId]) -> HashMap<[[i32; 3]; 2], u32> {
    let mut edges = HashMap::new();
    for id in cut {
        let cluster = pages[id.page as usize].cluster(id.cluster, mesh.info());
        for t in &cluster.triangles {
            let corners = t.map(|v| cluster.grid[usize::from(v)]);
            for i in 0..3 {
                let edge = [corners[i], corners[(i + 1) % 3]];
                *edges.entry(edge).or_insert(0) += 1;
            }
        }
    }
    edges
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

#[test]
fn a_cut_of_a_closed_surface_is_closed_in_every_view() {
    let mut random = Random(1);
    for (name, mesh) in [
        ("smooth", ball(60, 0.0, false)),
        ("bumpy with seams", ball(70, 0.03, true)),
    ] {
        let built = build(&mesh);
        let pages = pages(&built);
        let mut sizes = BTreeSet::new();
        for _ in 0..60 {
            let view = random_view(&mut random, 1.0);
            let cut = clusters::cut(&built, &view, |p| pages.get(p as usize));
            let edges = edges(&built, &pages, &cut);
            for [a, b] in edges.keys() {
                assert!(
                    edges.contains_key(&[*b, *a]),
                    "{name}: {a:?} to {b:?} is open"
                );
            }
            sizes.insert(cut.len());
        }
        assert!(sizes.len() > 20, "{name}: {sizes:?}");
    }
}

#[test]
fn a_cut_of_an_open_surface_is_open_at_its_rim_only() {
    let built = build(&terrain(150));
    let pages = pages(&built);
    let info = built.info();
    let rim = |q: [i32; 3]| {
        [0, 2].iter().any(|&i| {
            let p = info.origin[i] + info.step * q[i] as f32;
            (p.abs() - 50.0).abs() <= info.step
        })
    };
    let mut random = Random(2);
    for _ in 0..40 {
        let view = random_view(&mut random, 50.0);
        let cut = clusters::cut(&built, &view, |p| pages.get(p as usize));
        let edges = edges(&built, &pages, &cut);
        let open = edges.keys().filter(|[a, b]| !edges.contains_key(&[*b, *a]));
        for [a, b] in open {
            assert!(rim(*a) && rim(*b), "{a:?} to {b:?} is open");
        }
    }
}
