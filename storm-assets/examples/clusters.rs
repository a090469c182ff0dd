//! What clusters cost: speed of building, triangles and bytes, beside meshoptimizer's own cluster LOD and codecs.
//!
//! `cargo run --release -p storm-assets --features mesh-processing --example clusters -- [--threads N] [MODEL.glb | ball:TRIANGLES | terrain:TRIANGLES]...`
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::{num::NonZeroUsize, time::Instant};

use storm_assets::{Mesh, clusters};

fn main() {
    let mut options = clusters::BuildOptions::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--threads" {
            let threads = arguments.next().and_then(|n| n.parse().ok());
            options = options.with_threads(threads.unwrap_or(NonZeroUsize::MIN));
            continue;
        }
        let mesh = match argument.split_once(':') {
            Some(("ball", n)) => ball(n.parse().expect("a number of triangles")),
            _ => panic!("{argument} is no mesh"),
        };
        let start = Instant::now();
        let built = clusters::build(&mesh, &options).expect("it can be built");
        let seconds = start.elapsed().as_secs_f64();
        let info = built.info();
        let bytes: u64 = built.pages().iter().map(|p| u64::from(p.bytes)).sum();
        println!("{argument}: {seconds:.2} s, {info:?}, {bytes}");
        let mut by_level = vec![(0, 0, 0); info.levels as usize];
        for p in 0..info.pages {
            for r in built.read_page(p).unwrap().records() {
                let l = &mut by_level[r.level as usize];
                l.0 += 1;
                l.1 += r.triangle_count();
                l.2 += r.vertex_count();
            }
        }
        for l in by_level {
            println!("{l:?}");
        }
    }
}

/// A bumpy ball.
fn ball(triangles: u64) -> Mesh {
    let n = ((triangles / 12) as f64).sqrt() as u32;
    let mut mesh = Mesh::default();
    let mut uvs = Vec::new();
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
                let d = glam::Vec3::from(p).normalize();
                let wave = (d * glam::Vec3::new(17.0, 13.0, 19.0))
                    .map(f32::sin)
                    .element_sum()
                    + (d * 400.0).map(f32::sin).element_sum() * 0.02;
                mesh.positions.push((d * (1.0 + 0.03 * wave)).to_array());
                mesh.normals.push(d.to_array());
                uvs.push([
                    (u as f32 / n as f32 + face as f32) / 6.0,
                    v as f32 / n as f32,
                ]);
            }
        }
        for v in 0..n {
            for u in 0..n {
                let i = base + v * (n + 1) + u;
                mesh.indices
                    .extend([i, i + 1, i + n + 2, i, i + n + 2, i + n + 1]);
            }
        }
    }
    mesh.uvs.push(uvs);
    mesh
}
