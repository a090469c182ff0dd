//! What clusters cost: speed of building, triangles and bytes, beside meshoptimizer's own cluster LOD and its codecs on the same meshes.
//!
//! `cargo run --release -p storm-assets --features mesh-processing --example clusters -- [--threads N] [MODEL.glb | ball:TRIANGLES | terrain:TRIANGLES]...`
#![expect(clippy::print_stdout, reason = "it is what it is for")]

use std::{io::Cursor, num::NonZeroUsize, time::Instant};

use glam::Vec3;
use storm_assets::{Mesh, clusters, gltf};

fn main() {
    let mut threads = NonZeroUsize::MIN;
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--threads").is_some() {
        let wanted = arguments.next().and_then(|n| n.parse().ok());
        threads = wanted.expect("a number of threads");
    }
    println!(
        "| mesh | triangles | Mtri/s | clod_build | levels | DAG ÷ source | clod_build | B/tri pages | file | level 0 | raw glTF | meshopt f32 | meshopt 16 bit | peak |"
    );
    println!(
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for argument in arguments {
        let meshes = match argument.split_once(':') {
            Some(("ball", n)) => vec![ball(n.parse().expect("a number of triangles"))],
            Some(("terrain", n)) => vec![terrain(n.parse().expect("a number of triangles"))],
            _ => model(&argument),
        };
        let name = argument.rsplit('/').next().unwrap_or(&argument);
        println!("{}", row(name, &meshes, threads));
    }
}

/// Time that passes for the work: of the processor where one thread does it, so that what else the machine does counts little; else on the wall.
struct Clock {
    began: Instant,
    one_thread: bool,
}

impl Clock {
    fn new(threads: NonZeroUsize) -> Self {
        Self {
            began: Instant::now(),
            one_thread: threads.get() == 1,
        }
    }

    /// Seconds.
    fn now(&self) -> f64 {
        let on_processor = || {
            let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
            let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
            Some(nanoseconds / 1e9)
        };
        let wall = || self.began.elapsed().as_secs_f64();
        self.one_thread
            .then(on_processor)
            .flatten()
            .unwrap_or_else(wall)
    }
}

/// A line of what Linux says of this process, bytes; 0 elsewhere.
fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| {
        line.trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    kib.unwrap_or(0) * 1024
}

/// Bytes that the process has now, from which on Linux counts the peak anew.
fn reset_peak() -> usize {
    // Where that cannot be said, the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    status("VmRSS:")
}

/// The meshes of a model that can be built.
fn model(path: &str) -> Vec<Mesh> {
    let file = gltf::load(path, &gltf::LoadOptions::default()).expect("a model");
    let meshes = file
        .library
        .meshes
        .iter()
        .map(|(_, mesh)| Mesh::clone(mesh));
    meshes
        .filter(|m| clusters::build(m, &clusters::BuildOptions::default()).is_ok())
        .collect()
}

/// All that is said of some meshes.
fn row(name: &str, meshes: &[Mesh], threads: NonZeroUsize) -> String {
    let options = clusters::BuildOptions::default().with_threads(threads);
    let triangles: usize = meshes.iter().map(|m| m.indices.len() / 3).sum();
    let runs = if triangles < 2_000_000 { 3 } else { 1 };
    let clock = Clock::new(threads);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut built = Vec::new();
    let (mut clod, mut peak) = (0, 0);
    // In turn, so that what else the machine does falls on both.
    for _ in 0..runs {
        built.clear();
        let memory = reset_peak();
        let start = clock.now();
        built.extend(
            meshes
                .iter()
                .map(|m| clusters::build(m, &options).expect("it was built before")),
        );
        ours.push(clock.now() - start);
        peak = status("VmHWM:").saturating_sub(memory);
        let start = clock.now();
        clod = meshes.iter().map(clod_build).sum();
        theirs.push(clock.now() - start);
    }
    let source: u64 = built.iter().map(|b| b.info().source_triangle_count()).sum();
    let all: u64 = built.iter().map(|b| b.info().triangle_count()).sum();
    let levels = built.iter().map(|b| b.info().levels).max().unwrap_or(0);
    let (mut pages, mut file, mut finest) = (0, 0, 0);
    for mesh in &built {
        pages += mesh.pages().iter().map(|p| p.bytes as usize).sum::<usize>() + mesh.table_bytes();
        let mut out = Cursor::new(Vec::new());
        clusters::write(mesh, &mut out).expect("memory");
        file += out.into_inner().len();
        finest += level_0_bytes(mesh);
    }
    let speed = |seconds: &mut Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        triangles as f64 / seconds[seconds.len() / 2] / 1e6
    };
    let per = |bytes: usize| format!("{:.1}", bytes as f64 / source as f64);
    let codec = meshes
        .iter()
        .map(codecs)
        .fold([0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
    [
        format!("| {name} | {source}"),
        format!("{:.2}", speed(&mut ours)),
        format!("{:.2}", speed(&mut theirs)),
        format!("{levels}"),
        format!("{:.2}", all as f64 / source as f64),
        format!("{:.2}", clod as f64 / source as f64),
        per(pages),
        per(file),
        per(finest),
        per(codec[0]),
        per(codec[1]),
        per(codec[2]),
        format!("{} |", per(peak)),
    ]
    .join(" | ")
}

/// Bytes of the records and streams of level 0.
fn level_0_bytes(mesh: &clusters::ClusterMesh) -> usize {
    let mut bytes = 0;
    for page in 0..mesh.info().pages {
        let page = mesh.read_page(page).expect("a page");
        for record in page.records().iter().filter(|r| r.level == 0) {
            let vertices = record.vertex_count() as usize;
            let position: u32 = record.position_bits().iter().sum();
            let attributes = record.attribute_bits(mesh.info().flags);
            let words = (vertices * position as usize).div_ceil(32)
                + (vertices * attributes as usize).div_ceil(32)
                + (record.triangle_count() as usize * 3).div_ceil(4);
            bytes += size_of_val(record) + words * 4;
        }
    }
    bytes
}

/// A vertex with what most meshes have.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Vertex {
    position: [f32; 3],
    normal: [f32; 3],
    uv: [f32; 2],
}

fn vertices(mesh: &Mesh) -> Vec<Vertex> {
    let vertex = |i: usize| Vertex {
        position: mesh.positions[i],
        normal: mesh.normals.get(i).copied().unwrap_or_default(),
        uv: mesh.uvs.first().map_or([0.0; 2], |uvs| uvs[i]),
    };
    (0..mesh.positions.len()).map(vertex).collect()
}

/// Triangles of all levels of meshoptimizer's own cluster LOD, with the weights that its demo has.
fn clod_build(mesh: &Mesh) -> usize {
    let vertices = vertices(mesh);
    let attributes: Vec<f32> = vertices
        .iter()
        .flat_map(|v| [v.normal[0], v.normal[1], v.normal[2], v.uv[0], v.uv[1]])
        .collect();
    let adapter =
        meshopt::VertexDataAdapter::new(bytemuck::cast_slice(&vertices), size_of::<Vertex>(), 0)
            .expect("whole vertices");
    let mut clod = meshopt::ClodMesh::new(&mesh.indices, &adapter);
    clod.vertex_attributes = &attributes;
    clod.vertex_attributes_stride = 5 * size_of::<f32>();
    clod.attribute_weights = &[0.5, 0.5, 0.5, 0.1, 0.1];
    // The seams of UVs are kept, as ours are.
    clod.attribute_protect_mask = 0b11000;
    let mut triangles = 0;
    let mut groups = 0;
    meshopt::clod_build(meshopt::clod_default_config(128), &clod, |_, clusters| {
        triangles += clusters.iter().map(|c| c.indices.len() / 3).sum::<usize>();
        groups += 1;
        groups - 1
    });
    triangles
}

/// Bytes as glTF has them, floats and indices of 32 bits; in the vertex and index codecs; and in those with positions and UVs of 16 bits and normals of 8.
fn codecs(mesh: &Mesh) -> [usize; 3] {
    let all = vertices(mesh);
    let used =
        12 + 12 * usize::from(!mesh.normals.is_empty()) + 8 * usize::from(!mesh.uvs.is_empty());
    let raw = all.len() * used + mesh.indices.len() * 4;
    let mut indices = meshopt::optimize_vertex_cache(&mesh.indices, all.len());
    let all = meshopt::optimize_vertex_fetch(&mut indices, &all);
    let packed = meshopt::encode_index_buffer(&indices, all.len())
        .expect("indices")
        .len();
    let floats = packed + meshopt::encode_vertex_buffer(&all).expect("vertices").len();
    let low = all
        .iter()
        .map(|v| Vec3::from(v.position))
        .fold(Vec3::INFINITY, Vec3::min);
    let high = all
        .iter()
        .map(|v| Vec3::from(v.position))
        .fold(Vec3::NEG_INFINITY, Vec3::max);
    let side = (high - low).max_element().max(f32::MIN_POSITIVE);
    let small: Vec<[u16; 8]> = all
        .iter()
        .map(|v| {
            let p = ((Vec3::from(v.position) - low) / side * 65535.0).round();
            let n = v.normal.map(|c| (c * 127.0).round() as i8 as u8);
            let uv = v.uv.map(|c| (c.rem_euclid(1.0) * 65535.0).round() as u16);
            let pair = |a: u8, b: u8| u16::from_le_bytes([a, b]);
            [
                p.x as u16,
                p.y as u16,
                p.z as u16,
                0,
                pair(n[0], n[1]),
                pair(n[2], 0),
                uv[0],
                uv[1],
            ]
        })
        .collect();
    let small = packed
        + meshopt::encode_vertex_buffer(&small)
            .expect("vertices")
            .len();
    [raw, floats, small]
}

/// A closed surface with bumps of two sizes, its six faces with UVs of their own.
fn ball(triangles: u64) -> Mesh {
    let n = ((triangles / 12) as f64).sqrt().ceil() as u32;
    let mut mesh = Mesh::default();
    let mut uvs = Vec::new();
    for face in 0..6_u32 {
        let base = mesh.positions.len() as u32;
        for v in 0..=n {
            for u in 0..=n {
                let side = |i: u32| (i as f32 / n as f32) * 2.0 - 1.0;
                let (a, b) = (side(u), side(v));
                let p = [
                    [1.0, a, b],
                    [-1.0, b, a],
                    [b, 1.0, a],
                    [a, -1.0, b],
                    [a, b, 1.0],
                    [b, a, -1.0],
                ][face as usize];
                let d = Vec3::from(p).normalize();
                let waves = Vec3::new(17.0, 13.0, 19.0);
                let high = |d: Vec3| {
                    1.0 + 0.03 * (d * waves).map(f32::sin).element_sum()
                        + 0.0006 * (d * 400.0).map(f32::sin).element_sum()
                };
                let slope = Vec3::from([0, 1, 2].map(|i| {
                    let mut near = d;
                    near[i] += 1e-3;
                    (high(near) - high(d)) / 1e-3
                }));
                mesh.positions.push((d * high(d)).to_array());
                mesh.normals
                    .push((d - slope + d * slope.dot(d)).normalize().to_array());
                uvs.push([
                    (u as f32 / n as f32 + face as f32) / 6.0,
                    v as f32 / n as f32,
                ]);
            }
        }
        grid(n, base, &mut mesh.indices);
    }
    mesh.uvs.push(uvs);
    mesh
}

/// Hills of five sizes, 1 km wide, open at the rim.
fn terrain(triangles: u64) -> Mesh {
    let n = ((triangles / 2) as f64).sqrt().ceil() as u32;
    let mut mesh = Mesh::default();
    let mut uvs = Vec::new();
    let height = |x: f32, z: f32| -> f32 {
        (0..5)
            .map(|octave| {
                let f = 0.006 * 3f32.powi(octave);
                ((x * f + 1.3 * octave as f32).sin() + (z * f * 1.1 + x * f * 0.3).cos()) * 0.25 / f
            })
            .sum()
    };
    for z in 0..=n {
        for x in 0..=n {
            let at = |i: u32| (i as f32 / n as f32 - 0.5) * 1000.0;
            let (u, v) = (x as f32 / n as f32, z as f32 / n as f32);
            let (x, z) = (at(x), at(z));
            let slope = |dx: f32, dz: f32| (height(x + dx, z + dz) - height(x - dx, z - dz)) / 0.2;
            mesh.positions.push([x, height(x, z), z]);
            mesh.normals.push(
                Vec3::new(-slope(0.1, 0.0), 1.0, -slope(0.0, 0.1))
                    .normalize()
                    .to_array(),
            );
            uvs.push([u * 64.0, v * 64.0]);
        }
    }
    for z in 0..n {
        for x in 0..n {
            let i = z * (n + 1) + x;
            mesh.indices
                .extend([i, i + n + 1, i + n + 2, i, i + n + 2, i + 1]);
        }
    }
    mesh.uvs.push(uvs);
    mesh
}

/// The triangles of a square of n · n cells.
fn grid(n: u32, base: u32, indices: &mut Vec<u32>) {
    for v in 0..n {
        for u in 0..n {
            let i = base + v * (n + 1) + u;
            indices.extend([i, i + 1, i + n + 2, i, i + n + 2, i + n + 1]);
        }
    }
}
