//! Meshes of clusters: what is chosen, drawn and placed, held against the same meshes drawn whole.

use std::{collections::BTreeSet, sync::Arc};

use glam::{Mat4, Vec3};
use storm_assets::{
    AlphaMode, Handle, Image, Material, Mesh,
    clusters::{BuildOptions, ClusterMesh, MemoryPages, build},
};
use storm_render::{
    ClusterCounts, ClusterRaster, Culling, DebugView, ImageTarget, Instance, InstanceTransform,
    Picker, Projection, Quality, RenderSlot, Renderer, RendererDesc, Sky, View,
};

use crate::harness::{SIZE, Stage, TestGpu};

/// A closed surface of `12 n²` triangles: a cube blown up to a ball of about 1 m, with bumps.
pub(crate) fn ball(n: u32, bumps: f32) -> Mesh {
    let mut mesh = Mesh::default();
    for face in 0..6 {
        let base = mesh.positions.len() as u32;
        for v in 0..=n {
            for u in 0..=n {
                let side = |i: u32| (i as f32 / n as f32) * 2.0 - 1.0;
                let (a, b) = (side(u), side(v));
                let p = match face {
                    0 => [1.0, a, b],
                    1 => [-1.0, b, a],
                    2 => [b, 1.0, a],
                    3 => [a, -1.0, b],
                    4 => [a, b, 1.0],
                    _ => [b, a, -1.0],
                };
                let d = Vec3::from(p).normalize();
                let wave = (d.x * 17.0).sin() + (d.y * 13.0).sin() + (d.z * 19.0).sin();
                mesh.positions.push((d * (1.0 + bumps * wave)).into());
                mesh.normals.push(d.into());
            }
        }
        for v in 0..n {
            for u in 0..n {
                let at = |u: u32, v: u32| base + v * (n + 1) + u;
                let (a, b, c, d) = (at(u, v), at(u + 1, v), at(u + 1, v + 1), at(u, v + 1));
                mesh.indices.extend([a, b, c, a, c, d]);
            }
        }
    }
    mesh
}

pub(crate) fn clusters(mesh: &Mesh) -> ClusterMesh {
    build(mesh, &BuildOptions::default()).unwrap()
}

pub(crate) fn at(place: Vec3, size: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(
        Mat4::from_translation(place) * Mat4::from_scale(Vec3::splat(size)),
    )
}

/// Adds an instance of a mesh of clusters under a name.
pub(crate) fn add(
    stage: &mut Stage<'_>,
    name: &str,
    mesh: &ClusterMesh,
    place: InstanceTransform,
) -> RenderSlot {
    let instance = Instance {
        mesh: Handle::of(name, "mesh"),
        material: Handle::of(name, "material"),
        transform: place,
    };
    stage.scene.insert_clusters(instance.mesh, mesh).unwrap();
    let matte = Material::matte(name, [0.6, 0.4, 0.3], 0.7);
    stage
        .scene
        .insert_material(instance.material, &matte)
        .unwrap();
    stage.scene.add(&instance).unwrap()
}

pub(crate) fn save(name: &str, picture: &Image) {
    if let Some(folder) = std::env::var_os("STORM_PICTURES") {
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        let (w, h) = (picture.width(), picture.height());
        image::save_buffer(
            path,
            picture.pixels(),
            w,
            h,
            image::ExtendedColorType::Rgba8,
        )
        .unwrap();
    }
}

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

    /// 0 to below 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Of unit length.
    fn direction(&mut self) -> Vec3 {
        loop {
            let v = Vec3::new(self.unit(), self.unit(), self.unit()) * 2.0 - 1.0;
            if (0.01..1.0).contains(&v.length_squared()) {
                return v.normalize();
            }
        }
    }
}

const RASTERS: [ClusterRaster; 4] = [
    ClusterRaster::Hardware,
    ClusterRaster::Mesh,
    ClusterRaster::Compute,
    ClusterRaster::Split { pixels: 6.0 },
];

/// A sky that is black, so that nothing else is.
fn darken(stage: &mut Stage<'_>) {
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        haze: 0.0,
        zenith: Vec3::ZERO,
        horizon: Vec3::ZERO,
        ground: Vec3::ZERO,
        ..Sky::default()
    });
}

fn is_sky(picture: &Image, x: u32, y: u32) -> bool {
    crate::harness::pixel(picture, x, y)[..3] == [0, 0, 0]
}

fn counts(stage: &mut Stage<'_>) -> ClusterCounts {
    stage.gpu().wait_idle().unwrap();
    stage.renderer.report().unwrap().unwrap().clusters.unwrap()
}

/// A crowd of balls at many distances, some mirrored, squeezed or far from the origin of their mesh.
fn crowd(stage: &mut Stage<'_>, mesh: &ClusterMesh, count: u32) -> Vec<RenderSlot> {
    let first = add(stage, "crowd", mesh, at(Vec3::ZERO, 1.0));
    let mut random = Random(7);
    let more = (1..count).map(|i| {
        let place = random.direction() * (2.0 + 30.0 * random.unit() * random.unit());
        let mut size = Vec3::splat(0.3 + random.unit());
        if i % 3 == 0 {
            size.y *= 0.4;
        }
        if i % 5 == 0 {
            size.x = -size.x;
        }
        let turn = glam::Quat::from_axis_angle(random.direction(), 6.0 * random.unit());
        let transform =
            InstanceTransform::from_mat4(Mat4::from_scale_rotation_translation(size, turn, place));
        let instance = Instance {
            mesh: Handle::of("crowd", "mesh"),
            material: Handle::of("crowd", "material"),
            transform,
        };
        stage.scene.add(&instance).unwrap()
    });
    std::iter::once(first)
        .chain(more.collect::<Vec<_>>())
        .collect()
}

fn view_of_crowd(random: &mut Random, debug: DebugView) -> View {
    let eye = random.direction() * (1.5 + 25.0 * random.unit());
    View {
        debug,
        ..View::look_at(eye, random.direction() * 3.0)
    }
}

/// All ways to draw put the same triangles on the same pixels, but for samples on edges.
#[test]
fn all_rasters_agree() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    darken(&mut stage);
    let mesh = clusters(&ball(48, 0.03));
    crowd(&mut stage, &mesh, 40);
    let (mut pixels, mut different) = (0_u64, 0_u64);
    let mut small = 0;
    for seed in 0..12 {
        let view = view_of_crowd(&mut Random(seed), DebugView::Clusters);
        let pictures = RASTERS.map(|cluster_raster| {
            stage.renderer.set_quality(Quality {
                cluster_raster,
                ..Quality::CPU
            });
            let picture = stage.picture(&view);
            let counts = counts(&mut stage);
            assert_eq!(counts.left_out, 0);
            match cluster_raster {
                ClusterRaster::Hardware | ClusterRaster::Mesh => assert_eq!(counts.small, 0),
                ClusterRaster::Compute => assert!(counts.small > 20, "{counts:?}"),
                _ => small += counts.small,
            }
            picture
        });
        save(&format!("agree-{seed}"), &pictures[0]);
        for other in &pictures[1..] {
            for (a, b) in pictures[0]
                .pixels()
                .chunks_exact(4)
                .zip(other.pixels().chunks_exact(4))
            {
                pixels += 1;
                different += u64::from(a != b);
            }
        }
    }
    assert!(
        small > 50,
        "some are drawn by compute beside others: {small}"
    );
    println!("{different} of {pixels} pixels differ");
    assert!(different * 10_000 <= pixels, "{different} of {pixels}");
}

/// Far from the middle of a wide picture an edge towards the eye is many times as long as one across: what compute is given there is
/// no larger than elsewhere, or it would be left out.
#[test]
fn all_rasters_agree_far_from_the_middle_of_a_wide_picture() {
    let gpu = TestGpu::without_validation();
    let mut stage = Stage::new(&gpu);
    stage.target = ImageTarget::new(&gpu, 1600, 400).unwrap();
    darken(&mut stage);
    let mesh = clusters(&ball(6, 0.0));
    add(&mut stage, "row", &mesh, at(Vec3::new(0.0, 0.0, -3.0), 1.0));
    for i in 1..12 {
        let x = 3.4 * i as f32;
        for (x, depth) in [(x, 1.9), (-x, 2.6)] {
            let instance = Instance {
                mesh: Handle::of("row", "mesh"),
                material: Handle::of("row", "material"),
                transform: at(Vec3::new(x, 0.0, -depth), 1.0),
            };
            stage.scene.add(&instance).unwrap();
        }
    }
    let view = View {
        debug: DebugView::Clusters,
        projection: Projection::Perspective {
            yfov: 2.8,
            near: 0.1,
        },
        ..View::look_at(Vec3::ZERO, Vec3::NEG_Z)
    };
    let mut by_compute = 0;
    let [a, b] = [ClusterRaster::Hardware, ClusterRaster::Compute].map(|cluster_raster| {
        stage.renderer.set_quality(Quality {
            cluster_raster,
            ..Quality::CPU
        });
        let picture = stage.picture(&view);
        by_compute = counts(&mut stage).small;
        save(&format!("wide-{cluster_raster:?}"), &picture);
        picture
    });
    assert!(by_compute > 0, "{by_compute}");
    let pairs = a.pixels().chunks_exact(4).zip(b.pixels().chunks_exact(4));
    let different = pairs.filter(|(a, b)| a != b).count();
    println!("{different} pixels differ, {by_compute} clusters by compute");
    assert!(different <= 64, "{different}");
}

/// A file may state shorter edges than its triangles have: compute, an invocation a triangle, does not walk over all of the picture
/// for them.
#[test]
fn compute_leaves_out_triangles_that_are_larger_than_they_state() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.target = ImageTarget::new(&gpu, 2 * SIZE.0, 2 * SIZE.1).unwrap();
    darken(&mut stage);
    let good = clusters(&ball(2, 0.0));
    let pages = (0..good.info().pages).map(|page| {
        let page = good.read_page(page).unwrap();
        let mut words = page.words().to_vec();
        for record in words[4..4 + page.cluster_count() as usize * 20].chunks_exact_mut(20) {
            record[18] = 0;
        }
        words
    });
    let lying = ClusterMesh::new(
        *good.info(),
        good.nodes().to_vec(),
        good.groups().to_vec(),
        good.pages().to_vec(),
        Arc::new(MemoryPages(pages.collect())),
    )
    .unwrap();
    stage.renderer.set_quality(Quality {
        cluster_raster: ClusterRaster::Compute,
        ..Quality::CPU
    });
    let view = View {
        debug: DebugView::Clusters,
        ..View::look_at(Vec3::new(0.0, 0.0, 2.8), Vec3::ZERO)
    };
    let seen = [&good, &lying].map(|mesh| {
        add(&mut stage, "ball", mesh, at(Vec3::ZERO, 1.0));
        let picture = stage.picture(&view);
        let all = (0..2 * SIZE.1).flat_map(|y| (0..2 * SIZE.0).map(move |x| (x, y)));
        let drawn = all.filter(|&(x, y)| !is_sky(&picture, x, y)).count();
        (drawn, counts(&mut stage).small)
    });
    assert!(seen[0].0 > 1000 && seen[0].1 == 0, "{seen:?}");
    assert!(seen[1].0 < seen[0].0 / 4 && seen[1].1 > 0, "{seen:?}");
}

/// From inside a closed surface no sky is seen, whatever is chosen; from outside none shines through.
#[test]
fn cuts_have_no_cracks() {
    let gpu = TestGpu::without_validation();
    let mut stage = Stage::new(&gpu);
    stage.target = ImageTarget::new(&gpu, 96, 54).unwrap();
    darken(&mut stage);
    let mesh = clusters(&ball(40, 0.03));
    add(&mut stage, "ball", &mesh, at(Vec3::ZERO, 1.0));
    let both = Material {
        double_sided: true,
        ..Material::matte("ball", [0.5; 3], 0.5)
    };
    stage
        .scene
        .insert_material(Handle::of("ball", "material"), &both)
        .unwrap();
    let mut random = Random(3);
    let mut seen = BTreeSet::new();
    for number in 0..1000_usize {
        let inside = number % 2 == 0;
        stage.renderer.set_quality(Quality {
            cluster_raster: RASTERS[number / 2 % 4],
            culling: [Culling::Occlusion, Culling::Frustum][number % 3 % 2],
            level_error_pixels: 0.3 * 60.0_f32.powf(random.unit()),
            ..Quality::CPU
        });
        let away = if inside {
            0.8 * random.unit()
        } else {
            1.2 + 8.0 * random.unit()
        };
        let eye = random.direction() * away;
        let target = if inside {
            eye + random.direction()
        } else {
            random.direction() * 0.5
        };
        let view = View {
            debug: DebugView::Clusters,
            ..View::look_at(eye, target)
        };
        let picture = stage.picture(&view);
        seen.insert(counts(&mut stage).triangles);
        for y in 0..54 {
            for x in 0..96 {
                let near = |dx: i32, dy: i32| {
                    let (x, y) = (x as i32 + dx, y as i32 + dy);
                    (0..96).contains(&x)
                        && (0..54).contains(&y)
                        && !is_sky(&picture, x as u32, y as u32)
                };
                let around = near(-1, 0) && near(1, 0) && near(0, -1) && near(0, 1);
                let hole = is_sky(&picture, x, y) && (inside || around);
                if hole {
                    save("hole", &picture);
                }
                assert!(!hole, "view {number}: a hole at {x}, {y}");
            }
        }
    }
    assert!(seen.len() > 100, "many cuts: {}", seen.len());
}

/// What is culled was not seen: pictures are the same bytes, also where the camera jumps or things come and go in front.
#[test]
fn culling_changes_no_picture_of_clusters() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    darken(&mut stage);
    let mesh = clusters(&ball(32, 0.03));
    crowd(&mut stage, &mesh, 60);
    let matte = Material::matte("wall", [0.5; 3], 0.5);
    let wall = stage.add(
        "wall",
        &crate::scenes::quad(),
        &matte,
        at(Vec3::new(0.0, 0.0, 4.0), 3.0),
    );
    let (mut hidden, mut again) = (0, 0);
    for seed in 0..10 {
        let view = view_of_crowd(&mut Random(100 + seed), DebugView::Clusters);
        let place = Random(seed).direction() * 6.0;
        stage.scene.set_transform(wall, &at(place, 4.0)).unwrap();
        let mut with = |culling| {
            stage.renderer.set_quality(Quality {
                culling,
                ..Quality::CPU
            });
            stage.picture(&view)
        };
        let whole = with(Culling::Off);
        assert!(with(Culling::Frustum) == whole, "view {seed}, frustum");
        for frame in 0..3 {
            let picture = with(Culling::Occlusion);
            if picture != whole {
                save("culled", &picture);
                save("whole", &whole);
            }
            assert!(picture == whole, "view {seed}, frame {frame}");
        }
        let seen = counts(&mut stage);
        hidden += seen.hidden_at_first;
        // The next view is jumped to, and begins with the depths of this one.
        let next = view_of_crowd(&mut Random(101 + seed), DebugView::Clusters);
        let jumped = stage.picture(&next);
        again += counts(&mut stage).large_again + counts(&mut stage).small_again;
        stage.renderer.set_quality(Quality {
            culling: Culling::Off,
            ..Quality::CPU
        });
        assert!(stage.picture(&next) == jumped, "after view {seed}");
    }
    println!("{hidden} hidden at first, {again} drawn again");
    assert!(
        hidden + again > 20,
        "{hidden} hidden at first, {again} drawn again"
    );
}

/// Clusters hide clusters: what is behind a large ball is not drawn, and is in the frame in which the ball goes.
#[test]
pub(crate) fn clusters_hide_clusters_and_what_was_hidden_comes_at_once() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    darken(&mut stage);
    let mesh = clusters(&ball(32, 0.02));
    let large = add(
        &mut stage,
        "large",
        &mesh,
        at(Vec3::new(0.0, 0.0, 2.0), 1.5),
    );
    for i in 0..16 {
        let (x, y) = ((i % 4) as f32 * 0.3 - 0.45, (i / 4) as f32 * 0.3 - 0.45);
        add(&mut stage, "behind", &mesh, at(Vec3::new(x, y, -3.0), 0.14));
    }
    let view = View {
        debug: DebugView::Clusters,
        ..View::look_at(Vec3::new(0.0, 0.0, 6.0), Vec3::ZERO)
    };
    let with = |culling| Quality {
        culling,
        level_error_pixels: 0.2,
        ..Quality::CPU
    };
    stage.renderer.set_quality(with(Culling::Frustum));
    stage.draw(&view);
    let all = counts(&mut stage);
    stage.renderer.set_quality(with(Culling::Occlusion));
    for _ in 0..3 {
        stage.draw(&view);
    }
    let seen = counts(&mut stage);
    assert!(seen.triangles < all.triangles, "{seen:?} of {all:?}");
    assert_eq!(
        seen.large_again + seen.small_again,
        0,
        "nothing has changed: {seen:?}"
    );
    let away = at(Vec3::new(40.0, 0.0, 2.0), 1.5);
    stage.scene.set_transform(large, &away).unwrap();
    let at_once = stage.picture(&view);
    let seen = counts(&mut stage);
    assert!(seen.large_again + seen.small_again >= 16, "{seen:?}");
    stage.renderer.set_quality(with(Culling::Off));
    assert!(stage.picture(&view) == at_once);
}

/// What is picked and what is drawn are the same instances, and those of the same mesh drawn whole.
#[test]
pub(crate) fn clusters_are_where_the_whole_mesh_is() {
    let gpu = TestGpu::new();
    let whole = ball(32, 0.03);
    let mesh = clusters(&whole);
    let view = View::look_at(Vec3::new(4.0, 3.0, 9.0), Vec3::ZERO);
    let mut of_clusters = Stage::new(&gpu);
    crowd(&mut of_clusters, &mesh, 30);
    let mut of_meshes = Stage::new(&gpu);
    crowd(&mut of_meshes, &mesh, 30);
    of_meshes
        .scene
        .insert_mesh(Handle::of("crowd", "mesh"), &whole)
        .unwrap();
    let mut picker = Picker::new(&gpu).unwrap();
    let a = picker.slots(&mut of_clusters.scene, &view, SIZE).unwrap();
    let b = picker.slots(&mut of_meshes.scene, &view, SIZE).unwrap();
    let different = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    let seen: BTreeSet<_> = a.iter().flatten().collect();
    assert!(seen.len() > 10, "{}", seen.len());
    assert!(different < a.len() / 200, "{different} of {}", a.len());
    let one = picker
        .pick(&mut of_clusters.scene, &view, SIZE, (160, 90))
        .unwrap();
    assert_eq!(one, a[90 * 320 + 160]);
}

/// Clusters and other meshes hide one another by depth.
#[test]
pub(crate) fn clusters_and_other_meshes_hide_one_another() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    darken(&mut stage);
    let mesh = clusters(&ball(24, 0.0));
    add(&mut stage, "ball", &mesh, at(Vec3::ZERO, 1.0));
    let glow = Material {
        emissive: [0.0, 4.0, 0.0],
        ..Material::matte("glow", [0.0; 3], 1.0)
    };
    // Through the middle of the ball: its half in front of it is seen, the quad beside it.
    stage.add("quad", &crate::scenes::quad(), &glow, at(Vec3::ZERO, 2.0));
    let view = View {
        debug: DebugView::Clusters,
        ..View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
    };
    for culling in [Culling::Off, Culling::Frustum, Culling::Occlusion] {
        stage.renderer.set_quality(Quality {
            culling,
            ..Quality::CPU
        });
        for _ in 0..2 {
            let picture = stage.picture(&view);
            let green = |x, y| {
                let [r, g, b, _] = crate::harness::pixel(&picture, x, y);
                g > 200 && r < 120 && b < 120
            };
            save(&format!("mixed-{culling:?}"), &picture);
            assert!(
                !green(160, 90) && !is_sky(&picture, 160, 90),
                "the ball is in front"
            );
            assert!(green(100, 40), "the quad is beside it");
        }
    }
}

/// Instances of meshes of clusters refuse what they cannot be, and say so.
#[test]
fn materials_that_clusters_cannot_have_are_refused() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let mesh = clusters(&ball(8, 0.0));
    let slot = add(&mut stage, "ball", &mesh, at(Vec3::ZERO, 1.0));
    let (mesh, material) = (Handle::of("ball", "mesh"), Handle::of("other", "material"));
    let instance = Instance {
        mesh,
        material,
        transform: InstanceTransform::IDENTITY,
    };
    for (what, alpha) in [
        ("masked", AlphaMode::Mask(0.5)),
        ("blended", AlphaMode::Blend),
    ] {
        let material = Material {
            alpha_mode: alpha,
            ..Material::matte("other", [0.5; 3], 0.5)
        };
        stage
            .scene
            .insert_material(instance.material, &material)
            .unwrap();
        let error = stage.scene.add(&instance).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(stage.scene.set(slot, &instance).is_err());
    }
    // A material that becomes blended takes its instances out of the picture.
    let view = View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO);
    stage.draw(&view);
    assert!(counts(&mut stage).triangles > 0);
    let blended = Material {
        alpha_mode: AlphaMode::Blend,
        ..Material::matte("ball", [0.5; 3], 0.5)
    };
    stage
        .scene
        .insert_material(Handle::of("ball", "material"), &blended)
        .unwrap();
    stage.draw(&view);
    gpu.wait_idle().unwrap();
    assert_eq!(stage.renderer.report().unwrap().unwrap().clusters, None);
    // And another mesh under the handle is as good as any.
    stage
        .scene
        .insert_mesh(mesh, &crate::scenes::cube())
        .unwrap();
    stage.draw(&view);
}

/// A scene of one mesh, in clusters and whole, drawn by renderers of one quality.
struct Both<'a> {
    of_clusters: Stage<'a>,
    whole: Stage<'a>,
}

impl<'a> Both<'a> {
    fn new(gpu: &'a TestGpu, mesh: &Mesh, quality: Quality, places: &[InstanceTransform]) -> Self {
        let stage = || {
            let mut stage = Stage::new(gpu);
            let desc = RendererDesc {
                multisampling: false,
                quality,
                ..RendererDesc::default()
            };
            stage.renderer = Renderer::new(gpu, &desc).unwrap();
            stage
        };
        let mut both = Self {
            of_clusters: stage(),
            whole: stage(),
        };
        let built = clusters(mesh);
        let handle = Handle::of("thing", "mesh");
        for &place in places {
            add(&mut both.of_clusters, "thing", &built, place);
            add(&mut both.whole, "thing", &built, place);
        }
        both.whole.scene.insert_mesh(handle, mesh).unwrap();
        both
    }

    fn pictures(&mut self, view: &View) -> [Image; 2] {
        [self.of_clusters.picture(view), self.whole.picture(view)]
    }
}

/// What is off by at most a pixel looks like the whole mesh.
#[test]
fn cuts_look_like_the_whole_mesh() {
    let gpu = TestGpu::new();
    let quality = Quality {
        shadows: Some(storm_render::ShadowQuality::LOW),
        ..Quality::CPU
    };
    let places: Vec<_> = (0..9)
        .map(|i| {
            at(
                Vec3::new((i % 3) as f32 * 2.2 - 2.2, 0.0, -(i / 3) as f32 * 4.0),
                1.0,
            )
        })
        .collect();
    let mut both = Both::new(&gpu, &ball(64, 0.02), quality, &places);
    let mut most = 0.0_f32;
    for (number, eye) in [
        Vec3::new(0.0, 1.5, 4.0),
        Vec3::new(3.0, 0.5, 12.0),
        Vec3::new(-9.0, 6.0, 20.0),
    ]
    .into_iter()
    .enumerate()
    {
        let view = View::look_at(eye, Vec3::new(0.0, 0.0, -3.0));
        let [cut, whole] = both.pictures(&view);
        save(&format!("cut-{number}"), &cut);
        save(&format!("whole-{number}"), &whole);
        most = most.max(crate::golden::flip(&cut, &whole));
        let drawn = counts(&mut both.of_clusters).triangles;
        assert!(u64::from(drawn) < 9 * 49_152 / 2, "{drawn} triangles");
    }
    println!("FLIP {most}");
    assert!(most < 0.01, "{most}");
}

/// Under temporal anti-aliasing what moves, and what a moving camera sees, settles as the whole mesh does: motion is right.
#[test]
fn clusters_move_as_the_whole_mesh() {
    let gpu = TestGpu::new();
    let quality = Quality {
        temporal: true,
        level_error_pixels: 0.0,
        culling: Culling::Occlusion,
        ..Quality::CPU
    };
    let still = at(Vec3::new(1.3, 0.0, -1.0), 1.0);
    let mut both = Both::new(
        &gpu,
        &ball(24, 0.04),
        quality,
        &[at(Vec3::new(-1.2, 0.0, 0.0), 0.8), still],
    );
    let mut most = 0.0_f32;
    for frame in 0..14 {
        let t = frame as f32 * 0.07;
        let turn = Mat4::from_translation(Vec3::new(-1.2 + t, 0.4 * t, 0.0))
            * Mat4::from_rotation_y(t)
            * Mat4::from_scale(Vec3::splat(0.8 + 0.1 * t));
        let place = InstanceTransform::from_mat4(turn);
        for stage in [&mut both.of_clusters, &mut both.whole] {
            let first = RenderSlot(0);
            stage.scene.set_transform(first, &place).unwrap();
        }
        let view = View::look_at(Vec3::new(0.3 * t, 0.8, 4.0), Vec3::ZERO);
        let [clusters, whole] = both.pictures(&view);
        most = most.max(crate::golden::flip(&clusters, &whole));
        if frame == 13 {
            save("moved-clusters", &clusters);
            save("moved-whole", &whole);
        }
    }
    println!("FLIP {most}");
    assert!(most < 0.01, "{most}");
}

/// Shadow maps with clusters are kept while nothing changes, and drawn anew when a cluster moves or leaves.
#[test]
fn shadows_of_clusters_follow_them() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let quality = Quality {
        shadows: Some(storm_render::ShadowQuality::LOW),
        ..Quality::CPU
    };
    let floor =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(6.0));
    let matte = Material::matte("floor", [0.7; 3], 0.8);
    stage.add(
        "floor",
        &crate::scenes::quad(),
        &matte,
        InstanceTransform::from_mat4(floor),
    );
    let slot = add(
        &mut stage,
        "ball",
        &clusters(&ball(24, 0.0)),
        at(Vec3::new(0.0, 1.5, 0.0), 0.6),
    );
    let view = View::look_at(Vec3::new(0.0, 5.0, 6.0), Vec3::ZERO);
    stage.renderer.set_quality(quality);
    let first = stage.picture(&view);
    let drawn = counts(&mut stage);
    assert!(drawn.shadows > 0, "{drawn:?}");
    assert!(stage.picture(&view) == first);
    assert_eq!(counts(&mut stage).shadows, 0, "maps are kept");
    stage
        .scene
        .set_transform(slot, &at(Vec3::new(1.0, 1.5, 0.0), 0.6))
        .unwrap();
    let moved = stage.picture(&view);
    assert!(counts(&mut stage).shadows > 0);
    stage.scene.remove(slot).unwrap();
    let without = stage.picture(&view);
    stage.renderer.set_quality(Quality {
        shadows: None,
        ..quality
    });
    let unshadowed = stage.picture(&view);
    let dark = |picture: &Image| {
        // Pixels that are darker than without shadows.
        let pixels = picture
            .pixels()
            .chunks_exact(4)
            .zip(unshadowed.pixels().chunks_exact(4));
        pixels.filter(|(a, b)| a[0] + 20 < b[0]).count()
    };
    let [a, b, c] = [dark(&first), dark(&moved), dark(&without)];
    save("shadow", &first);
    assert!(a > 200 && b > 200 && c < 20, "{a} {b} {c}");
    assert!(first != moved);
}

/// Pages of more than 128 MiB, which is as much as one binding of a CPU driver reaches.
#[test]
fn pages_beyond_what_a_binding_reaches_are_drawn() {
    let gpu = TestGpu::without_validation();
    let mut stage = Stage::new(&gpu);
    darken(&mut stage);
    let mesh = clusters(&ball(160, 0.01));
    let mut count = 0;
    while stage.scene.cluster_bytes() <= 132 << 20 {
        let name = format!("ball {count}");
        let angle = count as f32 * 0.37;
        let place = Vec3::new(angle.cos(), 0.0, angle.sin()) * (3.0 + count as f32 * 0.05);
        add(&mut stage, &name, &mesh, at(place, 0.2));
        count += 1;
    }
    println!("{count} meshes");
    // The last one alone is in view.
    let angle = (count - 1) as f32 * 0.37;
    let place = Vec3::new(angle.cos(), 0.0, angle.sin()) * (3.0 + (count - 1) as f32 * 0.05);
    let view = View {
        debug: DebugView::Clusters,
        ..View::look_at(place + place.normalize(), place)
    };
    let picture = stage.picture(&view);
    assert!(!is_sky(&picture, 160, 90));
    let all = counts(&mut stage);
    stage.scene.remove(RenderSlot(count - 1)).unwrap();
    stage.draw(&view);
    assert!(counts(&mut stage).triangles < all.triangles);
}

/// Targets of other sizes make other visibility buffers.
#[test]
fn targets_may_change_their_size() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    darken(&mut stage);
    let mesh = clusters(&ball(24, 0.02));
    add(&mut stage, "ball", &mesh, at(Vec3::ZERO, 1.0));
    stage.renderer.set_quality(Quality {
        culling: Culling::Occlusion,
        ..Quality::CPU
    });
    let view = View {
        debug: DebugView::Clusters,
        ..View::look_at(Vec3::new(0.0, 0.0, 3.0), Vec3::ZERO)
    };
    for (width, height) in [(64, 48), (1, 1), (333, 127), (64, 48)] {
        stage.target = ImageTarget::new(&gpu, width, height).unwrap();
        for _ in 0..2 {
            let picture = stage.picture(&view);
            assert!(
                !is_sky(&picture, width / 2, height / 2),
                "{width} × {height}"
            );
        }
    }
}
