//! What the GPU deforms is what the CPU deforms, and where vertices were is where the last frame showed them.

use glam::{Mat3, Mat4, Quat, Vec2, Vec3};
use storm_assets::{Handle, Material, Mesh, MorphTarget};

use super::Pose;
use crate::{
    Gpu, GpuDesc, ImageTarget, Instance, InstanceTransform, Picker, Quality, RenderSlot, Renderer,
    RendererDesc, Scene, View, gpu::read_back::read_back, scene::layout::NONE,
};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 20) as usize % end
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn within(&mut self, most: f32) -> f32 {
        (self.unit() * 2.0 - 1.0) * most
    }

    fn vector(&mut self, most: f32) -> Vec3 {
        Vec3::new(self.within(most), self.within(most), self.within(most))
    }
}

/// A mesh of points that look random, with `sets` of influences over `joints` joints and `targets` morph targets.
fn mesh(random: &mut Random, sets: usize, joints: usize, targets: usize) -> Mesh {
    let vertices = 30 + random.below(200);
    let direction = |random: &mut Random| random.vector(1.0).try_normalize().unwrap_or(Vec3::Z);
    let mut mesh = Mesh {
        positions: (0..vertices).map(|_| random.vector(2.0).into()).collect(),
        indices: (0..vertices as u32 / 3 * 3).collect(),
        ..Mesh::default()
    };
    if random.below(4) > 0 {
        mesh.normals = (0..vertices).map(|_| direction(random).into()).collect();
        if random.below(2) > 0 {
            mesh.tangents = (0..vertices)
                .map(|_| {
                    direction(random)
                        .extend(if random.unit() < 0.5 { -1.0 } else { 1.0 })
                        .into()
                })
                .collect();
        }
    }
    for _ in 0..sets {
        let set = |random: &mut Random| {
            (0..vertices)
                .map(|_| [0; 4].map(|_: u8| random.below(joints.max(1)) as u16))
                .collect()
        };
        mesh.joints.push(set(random));
        mesh.weights.push(vec![[0.0; 4]; vertices]);
    }
    for vertex in 0..vertices {
        // Some have no joint at all, some only one.
        let used = [0, 1, 2, 4 * sets][random.below(4)].min(4 * sets);
        let parts: Vec<f32> = (0..used).map(|_| 0.05 + random.unit()).collect();
        let sum: f32 = parts.iter().sum();
        for (number, part) in parts.iter().enumerate() {
            mesh.weights[number / 4][vertex][number % 4] = part / sum;
        }
    }
    for _ in 0..targets {
        let mut list = |there: bool| -> Vec<[f32; 3]> {
            let count = if there { vertices } else { 0 };
            (0..count).map(|_| random.vector(0.5).into()).collect()
        };
        let target = MorphTarget {
            positions: list(true),
            normals: list(!mesh.normals.is_empty()),
            tangents: list(!mesh.tangents.is_empty()),
        };
        mesh.morph_targets.push(target);
        if random.below(3) == 0 {
            mesh.morph_targets.last_mut().unwrap().positions.clear();
        }
    }
    mesh
}

fn joint(random: &mut Random) -> Mat4 {
    let turn = Quat::from_euler(
        glam::EulerRot::XYZ,
        random.within(3.0),
        random.within(3.0),
        random.within(3.0),
    );
    // Squeezed, and now and then mirrored.
    let scale = Vec3::new(
        0.3 + random.unit(),
        0.3 + random.unit(),
        0.5 + random.unit(),
    ) * if random.below(8) == 0 { -1.0 } else { 1.0 };
    Mat4::from_scale_rotation_translation(scale, turn, random.vector(3.0))
}

/// The shader's `octahedral(unpackSnorm2x16(word))`.
fn direction(word: u32) -> Vec3 {
    let snorm = |half: u32| (f32::from(half as u16 as i16) / 32767.0).clamp(-1.0, 1.0);
    let e = Vec2::new(snorm(word & 0xffff), snorm(word >> 16));
    let mut v = e.extend(1.0 - e.x.abs() - e.y.abs());
    let t = (-v.z).max(0.0);
    v.x += if v.x >= 0.0 { -t } else { t };
    v.y += if v.y >= 0.0 { -t } else { t };
    v.normalize()
}

struct Bench {
    gpu: Gpu,
    scene: Scene,
    renderer: Renderer,
    target: ImageTarget,
}

impl Bench {
    fn new(quality: Quality) -> Self {
        let desc = GpuDesc {
            validation: true,
            ..GpuDesc::default()
        };
        let gpu = Gpu::headless(&desc).unwrap();
        let desc = RendererDesc {
            multisampling: false,
            quality,
            ..RendererDesc::default()
        };
        Self {
            scene: Scene::new(&gpu).unwrap(),
            renderer: Renderer::new(&gpu, &desc).unwrap(),
            target: ImageTarget::new(&gpu, 32, 32).unwrap(),
            gpu,
        }
    }

    fn add(&mut self, name: &str, mesh: &Mesh) -> RenderSlot {
        let handle = Handle::of(name, "mesh");
        let material = Handle::of("deform", "material");
        self.scene.insert_mesh(handle, mesh).unwrap();
        self.scene
            .insert_material(material, &Material::default())
            .unwrap();
        let transform = InstanceTransform::IDENTITY;
        let instance = Instance {
            mesh: handle,
            material,
            transform,
        };
        self.scene.add(&instance).unwrap()
    }

    fn frame(&mut self) {
        let view = View::look_at(Vec3::new(0.0, 0.0, 10.0), Vec3::ZERO);
        self.renderer
            .render(&mut self.scene, &view, &mut self.target)
            .unwrap();
    }

    fn pose(&mut self, slot: RenderSlot, joints: &[Mat4], weights: &[f32]) {
        let slots = &[slot];
        self.scene
            .set_pose(&Pose {
                slots,
                joints,
                weights,
            })
            .unwrap();
    }

    /// Words of the vertex arena.
    fn arena(&self) -> Vec<u32> {
        bytemuck::pod_collect_to_vec(&read_back(&self.gpu, self.scene.geometry.vertices()))
    }

    /// Positions of an instance: those of now and those of the frame before.
    fn places(&self, slot: RenderSlot) -> [Vec<Vec3>; 2] {
        let posed = &self.scene.deforms.posed[&slot.0];
        let place = posed.own.unwrap().1;
        let vertices = self.scene.geometry.source(posed.source).unwrap().vertices as usize;
        let words = self.arena();
        [place.positions, place.previous].map(|start| {
            let words = &words[start as usize..][..vertices * 3];
            let number = |word: &u32| f32::from_bits(*word);
            words
                .chunks(3)
                .map(|v| Vec3::new(number(&v[0]), number(&v[1]), number(&v[2])))
                .collect()
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.gpu.wait_idle().unwrap();
            let (count, texts) = self.gpu.validation_messages();
            assert_eq!(count, 0, "the validation layer says: {texts:#?}");
        }
    }
}

#[test]
fn the_gpu_deforms_as_the_cpu_does() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut bench = Bench::new(Quality::CPU);
    let mut all = Vec::new();
    for (round, (sets, joints, targets)) in [
        (1, 1, 0),
        (1, 20, 0),
        (2, 80, 3),
        (3, 400, 0),
        (0, 0, 1),
        (0, 0, 64),
        (3, 7, 64),
        (1, 300, 8),
    ]
    .into_iter()
    .cycle()
    .take(24)
    .enumerate()
    {
        let mesh = mesh(&mut random, sets, joints, targets);
        // Also fewer matrices and weights than the mesh has, and more.
        let given = [joints, joints * 2 / 3, joints + 3][round % 3];
        let matrices: Vec<Mat4> = (0..if joints == 0 { 0 } else { given.max(1) })
            .map(|_| joint(&mut random))
            .collect();
        let weights: Vec<f32> = (0..[targets, targets + 2, targets / 2][round / 3 % 3])
            .map(|_| {
                if random.below(3) == 0 {
                    0.0
                } else {
                    random.within(1.0)
                }
            })
            .collect();
        let slot = bench.add(&format!("mesh {round}"), &mesh);
        bench.pose(slot, &matrices, &weights);
        all.push((slot, mesh, matrices, weights));
    }
    bench.frame();
    let words = bench.arena();
    for (round, (slot, mesh, matrices, weights)) in all.iter().enumerate() {
        let expected = mesh.posed(weights, matrices);
        let posed = &bench.scene.deforms.posed[&slot.0];
        let (own, place) = posed.own.unwrap();
        let reach = 1e-6 * 40.0;
        let info = bench.scene.geometry.entry(own);
        for (vertex, position) in expected.positions.iter().enumerate() {
            let at = place.positions as usize + 3 * vertex;
            let found = [0, 1, 2].map(|i| f32::from_bits(words[at + i]));
            let off = (Vec3::from(found) - Vec3::from(*position)).length();
            assert!(off < reach, "vertex {vertex} of {round} is off by {off} m");
            if info.bounds.min.is_finite()
                && bench
                    .scene
                    .geometry
                    .source(posed.source)
                    .unwrap()
                    .bounds
                    .posed(weights, matrices)
                    .is_some()
            {
                let point = Vec3::from(found);
                assert!(
                    info.bounds.min.cmple(point + 1e-4).all()
                        && info.bounds.max.cmpge(point - 1e-4).all(),
                    "vertex {vertex} of {round} is outside of its box"
                );
            }
        }
        assert_eq!(place.normals == NONE, mesh.normals.is_empty());
        assert_eq!(place.tangents == NONE, mesh.tangents.is_empty());
        // Where the direction itself nearly vanishes, rounding turns it any way: how long it was before it was made unit.
        let lengths = unnormalized(mesh, weights, matrices);
        for (vertex, normal) in expected.normals.iter().enumerate() {
            let found = direction(words[place.normals as usize + vertex]);
            let angle = found
                .cross(Vec3::from(*normal))
                .length()
                .asin()
                .to_degrees();
            assert!(
                angle < 0.1 || lengths[vertex] < 0.1,
                "normal {vertex} of {round} is off by {angle} degrees"
            );
        }
        for (vertex, tangent) in expected.tangents.iter().enumerate() {
            let word = words[place.tangents as usize + vertex];
            let sign = if word & 1 == 0 { 1.0 } else { -1.0 };
            let linear = skin(mesh, vertex, matrices).map_or(Mat3::IDENTITY, Mat3::from_mat4);
            if linear.determinant().abs() > 1e-4 {
                assert_eq!(sign, tangent[3], "side of tangent {vertex} of {round}");
            }
        }
    }
}

fn skin(mesh: &Mesh, vertex: usize, matrices: &[Mat4]) -> Option<Mat4> {
    let mut sum: Option<Mat4> = None;
    for (joints, weights) in mesh.joints.iter().zip(&mesh.weights) {
        for (joint, weight) in joints[vertex].iter().zip(weights[vertex]) {
            if let Some(matrix) = matrices.get(usize::from(*joint))
                && weight != 0.0
            {
                sum = Some(sum.unwrap_or(Mat4::ZERO) + *matrix * weight);
            }
        }
    }
    sum
}

/// How long normals are before they are made unit, against what goes into them.
fn unnormalized(mesh: &Mesh, weights: &[f32], matrices: &[Mat4]) -> Vec<f32> {
    let normal = |(vertex, normal): (usize, &[f32; 3])| {
        let mut n = Vec3::from(*normal);
        for (target, weight) in mesh.morph_targets.iter().zip(weights) {
            n += target
                .normals
                .get(vertex)
                .map_or(Vec3::ZERO, |d| Vec3::from(*d))
                * *weight;
        }
        let before = n.length();
        let Some(matrix) = skin(mesh, vertex, matrices) else {
            return before;
        };
        let m = Mat3::from_mat4(matrix);
        let [x, y, z] = [m.x_axis, m.y_axis, m.z_axis];
        let cofactors = [y.cross(z), z.cross(x), x.cross(y)];
        let largest = cofactors.map(Vec3::length).into_iter().fold(0.0, f32::max);
        let n = cofactors[0] * n.x + cofactors[1] * n.y + cofactors[2] * n.z;
        (n.length() / largest.max(1e-20)).min(before)
    };
    mesh.normals.iter().enumerate().map(normal).collect()
}

/// One vertex that a joint moves.
fn dot() -> Mesh {
    Mesh {
        positions: vec![[0.0; 3]; 3],
        joints: vec![vec![[0; 4]; 3]],
        weights: vec![vec![[1.0, 0.0, 0.0, 0.0]; 3]],
        indices: vec![0, 1, 2],
        ..Mesh::default()
    }
}

/// What happens between and in frames, and where the vertex is and was when a frame has been drawn.
#[derive(Clone, Copy, Debug)]
enum Event {
    Pose(f32),
    Jump,
    Pick,
    /// A frame of a renderer that does not ask where things were.
    Other,
    Frame {
        now: f32,
        before: f32,
    },
}

#[test]
fn where_vertices_were_is_where_the_last_frame_showed_them() {
    use Event::{Frame, Jump, Other, Pick, Pose};
    let at = |now, before| Frame { now, before };
    let cases: &[(&str, &[Event])] = &[
        (
            "the first pose has not moved",
            &[Pose(1.0), at(1.0, 1.0), at(1.0, 1.0)],
        ),
        (
            "it moves, and stops",
            &[
                Pose(1.0),
                at(1.0, 1.0),
                Pose(2.0),
                at(2.0, 1.0),
                Pose(4.0),
                at(4.0, 2.0),
                at(4.0, 4.0),
                at(4.0, 4.0),
                Pose(5.0),
                at(5.0, 4.0),
            ],
        ),
        (
            "of several poses between two frames the last one counts",
            &[Pose(1.0), at(1.0, 1.0), Pose(2.0), Pose(3.0), at(3.0, 1.0)],
        ),
        (
            "a pick between frames is no frame",
            &[
                Pose(1.0),
                at(1.0, 1.0),
                Pose(2.0),
                Pick,
                at(2.0, 1.0),
                Pick,
                at(2.0, 2.0),
                Pose(3.0),
                Pick,
                Pose(4.0),
                Pick,
                at(4.0, 2.0),
            ],
        ),
        (
            "nor is a frame of another renderer",
            &[
                Pose(1.0),
                Other,
                Pose(2.0),
                at(2.0, 2.0),
                Pose(3.0),
                Other,
                Pose(4.0),
                at(4.0, 2.0),
                Other,
                at(4.0, 4.0),
            ],
        ),
        (
            "one that is put somewhere has not moved there",
            &[
                Pose(1.0),
                at(1.0, 1.0),
                Pose(9.0),
                Jump,
                at(9.0, 9.0),
                Jump,
                Pose(3.0),
                Pick,
                at(3.0, 3.0),
                Pose(4.0),
                at(4.0, 3.0),
            ],
        ),
    ];
    let temporal = Quality {
        temporal: true,
        ..Quality::CPU
    };
    for (name, events) in cases {
        let mut bench = Bench::new(temporal);
        let desc = RendererDesc {
            quality: Quality::CPU,
            ..RendererDesc::default()
        };
        let mut other = Renderer::new(&bench.gpu, &desc).unwrap();
        let mut picker = Picker::new(&bench.gpu).unwrap();
        let slot = bench.add("dot", &dot());
        for (step, event) in events.iter().enumerate() {
            match *event {
                Pose(x) => bench.pose(slot, &[Mat4::from_translation(Vec3::X * x)], &[]),
                Jump => bench.scene.jump(slot).unwrap(),
                Pick => {
                    picker
                        .pick(&mut bench.scene, &View::default(), (8, 8), (1, 1))
                        .unwrap();
                }
                Other => {
                    let mut beside = ImageTarget::new(&bench.gpu, 8, 8).unwrap();
                    other
                        .render(&mut bench.scene, &View::default(), &mut beside)
                        .unwrap();
                }
                Frame { now, before } => {
                    bench.frame();
                    let found = bench.places(slot).map(|places| places[0].x);
                    assert_eq!(found, [now, before], "{name}: event {step}");
                }
            }
        }
    }
}

#[test]
fn meshes_come_go_and_change_under_a_pose() {
    let mut bench = Bench::new(Quality::CPU);
    let slot = bench.add("dot", &dot());
    let joints = [Mat4::from_translation(Vec3::X * 3.0)];
    bench.pose(slot, &joints, &[]);
    bench.frame();
    let bytes = bench.scene.deformed_bytes();
    assert_eq!(bytes, (3 * 6 + 1) * 4);
    // Another mesh under the same handle is deformed by the pose that there is.
    let mut other = dot();
    other.positions = vec![[0.0, 1.0, 0.0]; 3];
    bench
        .scene
        .insert_mesh(Handle::of("dot", "mesh"), &other)
        .unwrap();
    bench.frame();
    assert_eq!(bench.places(slot)[0][0], Vec3::new(3.0, 1.0, 0.0));
    // One that is gone is not drawn, and comes back in the pose.
    bench.scene.remove_mesh(Handle::of("dot", "mesh"));
    assert_eq!(bench.scene.deformed_bytes(), 0);
    bench.frame();
    bench
        .scene
        .insert_mesh(Handle::of("dot", "mesh"), &dot())
        .unwrap();
    bench.frame();
    assert_eq!(bench.places(slot)[0][0], Vec3::X * 3.0);
    // What came before its mesh.
    let early = Instance {
        mesh: Handle::of("early", "mesh"),
        material: Handle::of("deform", "material"),
        transform: InstanceTransform::IDENTITY,
    };
    let early_slot = bench.scene.add(&early).unwrap();
    bench.pose(early_slot, &joints, &[]);
    bench.frame();
    bench.scene.insert_mesh(early.mesh, &other).unwrap();
    bench.frame();
    assert_eq!(bench.places(early_slot)[0][0], Vec3::new(3.0, 1.0, 0.0));
    // An instance that becomes one of another mesh.
    bench.scene.set(slot, &early).unwrap();
    bench.frame();
    assert_eq!(bench.places(slot)[0][0], Vec3::new(3.0, 1.0, 0.0));
    // All is given back.
    bench.scene.clear_pose(slot).unwrap();
    bench.scene.remove(early_slot).unwrap();
    assert_eq!(
        (bench.scene.deformed_bytes(), bench.scene.has_pose(slot)),
        (0, false)
    );
    bench.frame();
    let entries = bench.scene.geometry.source(0).is_some();
    assert!(entries, "the mesh itself is still there");
}

#[test]
fn there_is_a_limit_and_what_is_beyond_it_stays_at_rest() {
    let mut bench = Bench::new(Quality::CPU);
    let slots: Vec<RenderSlot> = (0..5).map(|_| bench.add("dot", &dot())).collect();
    let each = (3 * 6 + 1) * 4;
    bench.scene.set_deform_limit(3 * each + each / 2);
    let joints = [Mat4::from_translation(Vec3::X)];
    let pose = Pose {
        slots: &slots,
        joints: &joints,
        weights: &[],
    };
    assert_eq!(bench.scene.set_poses(&[pose]).unwrap(), 2);
    assert_eq!(bench.scene.deformed_bytes(), 3 * each);
    let error = bench
        .scene
        .set_pose(&Pose {
            slots: &slots[4..],
            ..pose
        })
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("out of space for vertices of deformed instances"),
        "{error}"
    );
    bench.frame();
    // Room that is given back is there for others.
    bench.scene.clear_pose(slots[0]).unwrap();
    bench
        .scene
        .set_pose(&Pose {
            slots: &slots[4..],
            ..pose
        })
        .unwrap();
    bench.frame();
    let gone = RenderSlot(99);
    let error = bench
        .scene
        .set_pose(&Pose {
            slots: &[gone],
            ..pose
        })
        .unwrap_err()
        .to_string();
    assert_eq!(error, "instance 99 does not exist");
}
