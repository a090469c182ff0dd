//! What the GPU chooses, held against the reference; and what becomes of what finds no room.

use std::collections::BTreeSet;

use glam::{Mat4, Quat, Vec3};
use storm_assets::{
    Handle, Material, Mesh,
    clusters::{BuildOptions, ClusterId, ClusterMesh, CutView, Page, build, cut},
};

use super::frame::{Sizes, work};
use crate::{
    ClusterRaster, Culling, DebugView, Gpu, GpuDesc, ImageTarget, Instance, InstanceTransform,
    Projection, Quality, Renderer, RendererDesc, Scene, Sky, View, frame::level,
    gpu::read_back::read_back,
};

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn direction(&mut self) -> Vec3 {
        let v = Vec3::new(self.unit(), self.unit(), self.unit()) * 2.0 - 1.0;
        v.try_normalize().unwrap_or(Vec3::X)
    }
}

/// A hilly square of 2 n² triangles, 2 m a side.
fn hills(n: u32) -> Mesh {
    let mut mesh = Mesh::default();
    for v in 0..=n {
        for u in 0..=n {
            let (x, z) = (
                u as f32 / n as f32 * 2.0 - 1.0,
                v as f32 / n as f32 * 2.0 - 1.0,
            );
            let y = 0.1 * (x * 9.0).sin() * (z * 7.0).cos() + 0.02 * (x * 61.0 + z * 43.0).sin();
            mesh.positions.push([x, y, z]);
            mesh.normals.push([0.0, 1.0, 0.0]);
        }
    }
    for v in 0..n {
        for u in 0..n {
            let at = |u: u32, v: u32| v * (n + 1) + u;
            let (a, b, c, d) = (at(u, v), at(u, v + 1), at(u + 1, v + 1), at(u + 1, v));
            mesh.indices.extend([a, b, c, a, c, d]);
        }
    }
    mesh
}

struct Fixture {
    gpu: Gpu,
    scene: Scene,
    renderer: Renderer,
    target: ImageTarget,
    mesh: ClusterMesh,
    pages: Vec<Page>,
}

const SIZE: (u32, u32) = (160, 90);

impl Fixture {
    fn new(n: u32) -> Self {
        Self::with(n, None)
    }

    fn streamed(n: u32, budget: u64, frame_bytes: u64) -> Self {
        Self::with(n, Some((budget, frame_bytes)))
    }

    fn with(n: u32, budget: Option<(u64, u64)>) -> Self {
        let gpu = Gpu::headless(&GpuDesc::default()).unwrap();
        let mesh = build(&hills(n), &BuildOptions::default()).unwrap();
        let mut scene = Scene::new(&gpu).unwrap();
        scene.set_sky(Sky {
            sun_color: Vec3::ZERO,
            haze: 0.0,
            zenith: Vec3::ZERO,
            horizon: Vec3::ZERO,
            ground: Vec3::ZERO,
            ..Sky::default()
        });
        if let Some((budget, frame_bytes)) = budget {
            scene.set_cluster_budget(Some(budget), frame_bytes).unwrap();
        }
        scene
            .insert_clusters(Handle::of("hills", "mesh"), &mesh)
            .unwrap();
        let both = Material {
            double_sided: true,
            ..Material::matte("hills", [0.5; 3], 0.5)
        };
        scene
            .insert_material(Handle::of("hills", "material"), &both)
            .unwrap();
        let pages = (0..mesh.pages().len() as u32).map(|page| mesh.read_page(page).unwrap());
        Self {
            renderer: Renderer::new(&gpu, &RendererDesc::default()).unwrap(),
            target: ImageTarget::new(&gpu, SIZE.0, SIZE.1).unwrap(),
            scene,
            pages: pages.collect(),
            mesh,
            gpu,
        }
    }

    fn add(&mut self, transform: InstanceTransform) -> u32 {
        let instance = Instance {
            mesh: Handle::of("hills", "mesh"),
            material: Handle::of("hills", "material"),
            transform,
        };
        self.scene.add(&instance).unwrap().0
    }

    fn draw(&mut self, view: &View, quality: Quality) {
        self.renderer.set_quality(quality);
        self.renderer
            .render(&mut self.scene, view, &mut self.target)
            .unwrap();
    }

    /// What was chosen for the camera: slots and clusters.
    fn chosen(&self) -> Vec<(u32, ClusterId)> {
        let (lists, sizes) = self.renderer.cluster_lists().unwrap();
        let bytes = read_back(&self.gpu, lists);
        let parts = sizes.parts();
        let word =
            |at: u64| u32::from_le_bytes(bytes[at as usize..at as usize + 4].try_into().unwrap());
        let count = word(parts.work + u64::from(work::VISIBLE) * work::BYTES + 12);
        let one = |i: u32| {
            let at = parts.visible + u64::from(i) * 16;
            let address = u64::from(word(at)) | u64::from(word(at + 4)) << 32;
            let (_, page) = self
                .scene
                .clusters
                .page_at(address)
                .expect("a page that is there");
            let cluster = word(at + 12) & 0xffff;
            (word(at + 8), ClusterId { page, cluster })
        };
        let mut all: Vec<_> = (0..count).map(one).collect();
        all.sort_unstable();
        all
    }
}

fn cut_view(view: &View, transform: &InstanceTransform, threshold: f32) -> CutView {
    let extent = [SIZE.0 as f32, SIZE.1 as f32];
    let clip = view.clip_from_relative(extent[0] / extent[1]);
    let (near, orthographic) = match view.projection {
        Projection::Perspective { near, .. } => (near, false),
        Projection::Orthographic { near, .. } => (near, true),
    };
    let mut rows = transform.rows;
    for (i, row) in rows.iter_mut().enumerate() {
        let cells = transform.cell[i] - view.cell[i];
        row[3] += cells as f32 * crate::CELL_SIZE - view.translation[i];
    }
    CutView {
        rows,
        eye: [0.0; 3],
        near,
        scale: level::scale(&clip, extent, 1.0).sqrt(),
        threshold,
        orthographic,
    }
}

/// Over many views, transforms, thresholds and sets of resident pages.
#[test]
fn the_cut_is_that_of_the_reference() {
    let mut fixture = Fixture::new(220);
    let mut random = Random(11);
    let mut transforms = Vec::new();
    for i in 0..6 {
        let size = Vec3::new(
            0.5 + random.unit(),
            0.5 + random.unit(),
            0.5 + random.unit(),
        );
        let size = if i % 2 == 0 {
            size
        } else {
            size * Vec3::new(-1.0, 1.0, 1.0)
        };
        let matrix = Mat4::from_scale_rotation_translation(
            size,
            Quat::from_axis_angle(random.direction(), random.unit() * 6.0),
            random.direction() * 5.0 * random.unit(),
        );
        let cell = if i == 5 { [1, 0, 0] } else { [0; 3] };
        let transform = InstanceTransform {
            cell,
            ..InstanceTransform::from_mat4(matrix)
        };
        transforms.push((fixture.add(transform), transform));
    }
    let all = fixture.pages.len();
    assert!(all > 8, "{all} pages");
    let mut resident = vec![true; all];
    let (mut different_cuts, mut partly) = (BTreeSet::new(), 0);
    for number in 0..60 {
        // Pages come and go, but those that are needed.
        if number % 3 == 2 {
            for (page, was) in resident.iter_mut().enumerate() {
                *was = page < fixture.mesh.info().root_pages as usize || random.unit() < 0.8;
            }
            for page in 0..all {
                let needs = &fixture.mesh.pages()[page].needs;
                resident[page] &= needs.iter().all(|&need| resident[need as usize]);
            }
            partly += usize::from(resident.iter().any(|there| !there));
            let Scene {
                clusters, uploads, ..
            } = &mut fixture.scene;
            for (page, there) in resident.iter().enumerate() {
                if *there {
                    clusters
                        .load(uploads, 0, page as u32, &fixture.pages[page])
                        .unwrap();
                } else {
                    clusters.unload(uploads, 0, page as u32).unwrap();
                }
            }
        }
        let mut view = View::look_at(random.direction() * 5.0 * random.unit(), random.direction());
        if number % 4 == 3 {
            view.projection = Projection::Orthographic {
                half_height: 0.3 + 3.0 * random.unit(),
                near: -10.0,
                far: 20.0,
            };
        }
        view.cell = [0, 0, (number / 20) - 1];
        let threshold = 0.03 * 100.0_f32.powf(random.unit());
        let quality = Quality {
            culling: Culling::Off,
            level_error_pixels: threshold,
            ..Quality::CPU
        };
        fixture.draw(&view, quality);
        let chosen = fixture.chosen();
        let mut expected = Vec::new();
        for (slot, transform) in &transforms {
            let there = |page: u32| resident[page as usize].then(|| &fixture.pages[page as usize]);
            let view = cut_view(&view, transform, threshold);
            expected.extend(
                cut(&fixture.mesh, &view, there)
                    .into_iter()
                    .map(|id| (*slot, id)),
            );
        }
        expected.sort_unstable();
        assert_eq!(chosen, expected, "view {number}, {threshold} pixels");
        different_cuts.insert(expected);
    }
    assert!(
        different_cuts.len() > 20 && partly > 10,
        "{} {partly}",
        different_cuts.len()
    );
}

/// Where queues and lists are far too small instances are drawn as coarsely as it gets, without holes, and a few frames on as they
/// should be.
#[test]
fn what_finds_no_room_is_drawn_coarsely_until_there_is_more() {
    let tiny = |nodes, groups, clusters| Sizes {
        nodes,
        groups,
        clusters,
        ..Sizes::FIRST
    };
    for sizes in [
        tiny(2, 1 << 15, 1 << 16),
        tiny(1 << 15, 3, 1 << 16),
        tiny(1 << 15, 1 << 15, 5),
    ] {
        for culling in [Culling::Off, Culling::Occlusion] {
            let mut fixture = Fixture::new(60);
            for i in 0..9 {
                let place = Vec3::new((i % 3) as f32 * 1.8 - 1.8, 0.0, (i / 3) as f32 * 1.8 - 1.8);
                fixture.add(InstanceTransform::from_mat4(Mat4::from_translation(place)));
            }
            let view = View {
                debug: DebugView::Clusters,
                ..View::look_at(Vec3::new(0.1, 2.6, 0.1), Vec3::ZERO)
            };
            let quality = Quality {
                culling,
                level_error_pixels: 0.1,
                ..Quality::CPU
            };
            fixture.draw(&view, quality);
            let whole = fixture.target.read().unwrap();
            // All of the picture is hills, and the sky is black.
            let sky = |picture: &storm_assets::Image| {
                let pixels = picture.pixels().chunks_exact(4);
                pixels.filter(|pixel| pixel[..3] == [0; 3]).count()
            };
            assert_eq!(sky(&whole), 0);
            fixture.renderer.set_cluster_sizes(sizes);
            let mut left_out = Vec::new();
            for _ in 0..12 {
                fixture.draw(&view, quality);
                let picture = fixture.target.read().unwrap();
                assert_eq!(sky(&picture), 0);
                let report = fixture.renderer.report().unwrap().unwrap();
                let counts = report.clusters.unwrap();
                assert_eq!(counts.left_out > 0, counts.roots > 0, "{counts:?}");
                left_out.push(counts.left_out);
            }
            assert!(left_out[0] > 0, "{left_out:?}");
            assert_eq!(left_out.last(), Some(&0), "{left_out:?}");
            assert!(fixture.target.read().unwrap() == whole);
        }
    }
}

/// A mesh several times larger than its budget: never more than the budget, never a hole, and once it has settled the picture of the
/// mesh that is there as a whole.
#[test]
fn a_mesh_larger_than_its_budget_settles_on_the_same_picture() {
    let mut whole = Fixture::new(300);
    let bytes: u64 = whole
        .pages
        .iter()
        .map(|page| page.words().len() as u64 * 4)
        .sum();
    let budget = bytes / 2;
    let mut streamed = Fixture::streamed(300, budget, 64 << 10);
    for fixture in [&mut whole, &mut streamed] {
        fixture.add(InstanceTransform::IDENTITY);
    }
    assert_eq!(whole.scene.cluster_streaming(), None);
    let mut random = Random(5);
    for number in 0..6 {
        // A small part of it, from above.
        let (x, z) = (random.unit() * 1.6 - 0.8, random.unit() * 1.6 - 0.8);
        let view = View {
            debug: DebugView::Levels,
            projection: Projection::Perspective {
                yfov: 0.2,
                near: 0.05,
            },
            ..View::look_at(Vec3::new(x, 1.0, z), Vec3::new(x, 0.0, z - 0.01))
        };
        let quality = Quality {
            culling: Culling::Frustum,
            level_error_pixels: 1.0,
            ..Quality::CPU
        };
        whole.draw(&view, quality);
        let expected = whole.target.read().unwrap();
        let chosen = whole.chosen();
        let sky = |picture: &storm_assets::Image| {
            let pixels = picture.pixels().chunks_exact(4);
            pixels.filter(|pixel| pixel[..3] == [0; 3]).count()
        };
        let mut settled = false;
        for _ in 0..200 {
            streamed.draw(&view, quality);
            let picture = streamed.target.read().unwrap();
            assert!(sky(&picture) <= sky(&expected) + 20, "view {number}");
            assert!(streamed.scene.cluster_bytes() <= budget);
            let state = streamed.scene.cluster_streaming().unwrap();
            assert_eq!(state.resident_bytes, streamed.scene.cluster_bytes());
            // What was asked for two frames ago is decided on now.
            streamed.scene.wait_for_cluster_pages().unwrap();
            if state.missing == 0 && state.loading == 0 && streamed.chosen() == chosen {
                assert!(picture == expected, "view {number}");
                settled = true;
                break;
            }
        }
        assert!(
            settled,
            "view {number}: {:?}",
            streamed.scene.cluster_streaming()
        );
    }
    // Less is enough for coarser pictures, without holes.
    let least = bytes / 6;
    streamed
        .scene
        .set_cluster_budget(Some(least), 64 << 10)
        .unwrap();
    let view = View {
        debug: DebugView::Levels,
        ..View::look_at(Vec3::new(0.0, 0.6, 0.0), Vec3::new(0.0, 0.0, -0.01))
    };
    for _ in 0..20 {
        streamed.draw(&view, Quality::CPU);
        let picture = streamed.target.read().unwrap();
        let holes = picture
            .pixels()
            .chunks_exact(4)
            .filter(|p| p[..3] == [0; 3]);
        assert_eq!(holes.count(), 0);
        streamed.scene.wait_for_cluster_pages().unwrap();
    }
    let state = streamed.scene.cluster_streaming().unwrap();
    assert!(
        state.evicted > 0 && state.resident_bytes <= least,
        "{state:?}"
    );
    assert_eq!(
        (state.failures, state.resident_bytes),
        (0, streamed.scene.cluster_bytes())
    );
}

/// Mesa's CPU driver gives a draw without a count that of the draw before, which draws nothing where nothing was left: clusters were
/// missing from the first picture of a scene with another mesh.
#[test]
fn a_draw_that_draws_nothing_takes_nothing_from_clusters() {
    for cluster_raster in [ClusterRaster::Hardware, ClusterRaster::Mesh] {
        let mut fixture = Fixture::new(30);
        fixture.add(InstanceTransform::IDENTITY);
        let other = Instance {
            mesh: Handle::of("other", "mesh"),
            material: Handle::of("hills", "material"),
            transform: InstanceTransform::IDENTITY,
        };
        let triangle = Mesh {
            positions: vec![[-1.0, -1.0, -1.0], [1.0, -1.0, -1.0], [0.0, 1.0, -1.0]],
            indices: vec![0, 1, 2],
            ..Mesh::default()
        };
        fixture.scene.insert_mesh(other.mesh, &triangle).unwrap();
        fixture.scene.add(&other).unwrap();
        let view = View {
            debug: DebugView::Clusters,
            ..View::look_at(Vec3::new(0.0, 1.0, 2.0), Vec3::ZERO)
        };
        let seen = [Culling::Frustum, Culling::Occlusion, Culling::Occlusion].map(|culling| {
            let quality = Quality {
                culling,
                cluster_raster,
                ..Quality::CPU
            };
            fixture.draw(&view, quality);
            let picture = fixture.target.read().unwrap();
            let pixels = picture.pixels().chunks_exact(4);
            pixels.filter(|pixel| pixel[..3] != [0; 3]).count()
        });
        assert!(
            seen[0] > 1000 && seen == [seen[0]; 3],
            "{cluster_raster:?}: {seen:?}"
        );
    }
}

/// A mesh that was refused had its place's clusters given back, and their number kept: the next mesh of clusters got the number, and
/// lost its own when the first was taken away.
#[test]
fn a_mesh_that_is_refused_in_place_of_clusters_leaves_none() {
    let mut fixture = Fixture::new(30);
    fixture.add(InstanceTransform::IDENTITY);
    let (hills, other) = (Handle::of("hills", "mesh"), Handle::of("other", "mesh"));
    let bad = Mesh {
        positions: vec![[0.0; 3]],
        indices: vec![0, 1, 2],
        ..Mesh::default()
    };
    assert!(fixture.scene.insert_mesh(hills, &bad).is_err());
    assert!(!fixture.scene.has_mesh(hills));
    assert_eq!(fixture.scene.cluster_bytes(), 0);
    let mesh = fixture.mesh.clone();
    fixture.scene.insert_clusters(other, &mesh).unwrap();
    let view = View::look_at(Vec3::new(0.0, 1.0, 2.0), Vec3::ZERO);
    fixture.draw(&view, Quality::CPU);
    assert_eq!(fixture.scene.draws.cluster_count(), 0);
    let bytes = fixture.scene.cluster_bytes();
    fixture.scene.remove_mesh(hills);
    assert_eq!(fixture.scene.cluster_bytes(), bytes);
    assert!(bytes > 0 && fixture.scene.has_mesh(other));
}

/// Frames were counted from the beginning of a renderer: what an older one had asked for, a newer one did not ask for until it had
/// drawn as many frames, and nobody did for hours once the count began again.
#[test]
fn a_second_renderer_of_a_scene_asks_for_pages_from_its_first_frame_on() {
    let mut fixture = Fixture::streamed(120, 64 << 20, 8 << 20);
    fixture.add(InstanceTransform::IDENTITY);
    let view = View::look_at(Vec3::new(0.0, 0.3, 0.5), Vec3::ZERO);
    let pages = |fixture: &mut Fixture| {
        fixture.draw(&view, Quality::CPU);
        fixture.gpu.wait_idle().unwrap();
        let report = fixture.renderer.report().unwrap().unwrap();
        report.clusters.unwrap().pages
    };
    for _ in 0..12 {
        pages(&mut fixture);
        fixture.scene.wait_for_cluster_pages().unwrap();
    }
    let asked = pages(&mut fixture);
    assert!(asked > 1, "{asked}");
    fixture.renderer = Renderer::new(&fixture.gpu, &RendererDesc::default()).unwrap();
    assert_eq!(pages(&mut fixture), asked);
}
