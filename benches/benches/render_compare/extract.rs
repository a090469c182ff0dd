//! What it costs to bring a world into a scene, against copying as many bytes.

use storm_assets::{Handle, Library, Mesh};
use storm_benches::{Case, Comparison, Timer};
use storm_ecs::{
    Mut, World,
    scene::{GlobalTransform, Propagation},
};
use storm_render::{
    Extractor, Gpu, GpuDesc, ImageTarget, Quality, Renderer, RendererDesc, Scene, View,
};

use crate::{storm_frames::boxes, world::Motion};

const COUNT: usize = 1_000_000;
const ROW: usize = size_of::<GlobalTransform>();

pub(crate) fn run(comparison: &mut Comparison) {
    for (name, motion, target) in [
        ("extract 1M all moving", Motion::All, Some(1.0 / 0.6)),
        ("extract 1M 10 % moving", Motion::Tenth, None),
        ("extract 1M still", Motion::Still, None),
    ] {
        if comparison.wants(name) {
            comparison.run(extract(name, motion, target));
        }
    }
    let name = "map 10k new entities";
    if comparison.wants(name) {
        comparison.run(map(name));
    }
    let name = "upload 100k vertices";
    if comparison.wants(name) {
        comparison.run(vertices(name));
    }
}

/// A scene that follows a world, and frames that cost next to nothing.
struct Follower {
    world: World,
    library: Library,
    extractor: Extractor,
    scene: Scene,
    renderer: Renderer,
    target: ImageTarget,
    gpu: Gpu,
}

impl Follower {
    fn new(count: usize) -> Self {
        let (mut world, library) = boxes(count);
        Propagation::new().run(&mut world);
        let gpu = Gpu::headless(&GpuDesc::default()).expect("a device");
        let desc = RendererDesc {
            multisampling: false,
            quality: Quality::CPU,
            ..RendererDesc::default()
        };
        let mut follower = Self {
            world,
            library,
            extractor: Extractor::new(),
            scene: Scene::new(&gpu).expect("room"),
            renderer: Renderer::new(&gpu, &desc).expect("room"),
            target: ImageTarget::new(&gpu, 16, 16).expect("room"),
            gpu,
        };
        follower.extract();
        follower.draw();
        follower
    }

    fn extract(&mut self) {
        self.extractor
            .extract(&self.world, &self.library, &mut self.scene)
            .expect("the device works");
    }

    /// Draws nothing, but has the GPU take what was uploaded.
    fn draw(&mut self) {
        let away = View::look_at([0.0, 1e6, 0.0].into(), [0.0, 2e6, 1.0].into());
        self.renderer
            .render(&mut self.scene, &away, &mut self.target)
            .expect("the device works");
        self.gpu.wait_idle().expect("the device works");
    }

    fn move_some(&mut self, motion: Motion) {
        if motion == Motion::Still {
            return;
        }
        let mut query = self.world.query_mut::<Mut<'_, GlobalTransform>>();
        for (index, mut global) in query.iter_mut().enumerate() {
            if motion.moves(index) {
                global.cell[1] ^= 1;
            }
        }
    }
}

/// Copies as many bytes as move from one buffer to another, both of them warm: on one thread.
fn copies(bytes: usize) -> impl FnMut(&mut Timer) {
    let (from, mut to) = (vec![1u8; bytes], vec![0u8; bytes]);
    move |timer| timer.time(|| to.copy_from_slice(std::hint::black_box(&from)))
}

fn extract(name: &'static str, motion: Motion, target: Option<f64>) -> Case<'static> {
    let rows = (0..COUNT).filter(|&index| motion.moves(index)).count();
    let bytes = rows * ROW;
    let mut case = Case::new(name, 1).wall().bytes(bytes as u64);
    case.subject("base memcpy", copies(bytes));
    let mut follower = Follower::new(COUNT);
    case.subject("storm", move |timer| {
        follower.move_some(motion);
        timer.time(|| follower.extract());
        follower.draw();
    });
    if let Some(ratio) = target {
        case.target("storm", Some("base memcpy"), ratio);
    }
    case
}

/// The first extraction of ten thousand entities: at most 5 ms.
fn map(name: &'static str) -> Case<'static> {
    let (mut world, library) = boxes(10_000);
    Propagation::new().run(&mut world);
    let gpu = Gpu::headless(&GpuDesc::default()).expect("a device");
    let mut case = Case::new(name, 1).wall();
    case.subject("storm", move |timer| {
        let mut scene = Scene::new(&gpu).expect("room");
        let mut extractor = Extractor::new();
        timer.time(|| {
            extractor
                .extract(&world, &library, &mut scene)
                .expect("the device works");
        });
    });
    case.at_most("storm", 5e6);
    case
}

/// A mesh of a hundred thousand vertices, checked, packed and staged: at most 2 ms.
fn vertices(name: &'static str) -> Case<'static> {
    const SIDE: u32 = 316;
    let mut mesh = Mesh::default();
    for i in 0..SIDE * SIDE {
        let (x, z) = ((i % SIDE) as f32, (i / SIDE) as f32);
        mesh.positions.push([x, (x * 0.1).sin(), z]);
        mesh.normals.push([0.0, 1.0, 0.0]);
        if i % SIDE > 0 && i >= SIDE {
            let [a, b, c, d] = [i - SIDE - 1, i - SIDE, i - 1, i];
            mesh.indices.extend([a, c, b, b, c, d]);
        }
    }
    let mut follower = Follower::new(1);
    let mut case = Case::new(name, 1).wall();
    let handle = Handle::of("bench", "field");
    case.subject("storm", move |timer| {
        timer.time(|| follower.scene.insert_mesh(handle, &mesh).expect("room"));
        follower.draw();
    });
    case.at_most("storm", 2e6);
    case
}
