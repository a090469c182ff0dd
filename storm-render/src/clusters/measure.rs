//! Which triangles of clusters compute draws, and what draws the others: measured once for a device, by drawing squares of triangles of
//! known sizes in all ways that it has.

use std::collections::HashMap;

use ash::vk;
use bytemuck::Zeroable;
use storm_assets::clusters::{ClusterRecord, NO_GROUP, PAGE_HEADER_WORDS};

use super::{
    frame::{ClusterFrame, ClusterView, SPLIT_MAX, work},
    meshes::ClusterMeshInfo,
    pipelines::{RasterPipelines, Way},
    record::RasterPush,
};
use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        buffer::{Buffer, Memory},
        commands::{Access, Recorder},
        query::Stamps,
        submit::Submission,
    },
    scene::{InstanceTransform, layout::Globals},
};

/// What a device draws clusters with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crossover {
    /// Longest edges, in pixels, of the clusters that compute draws.
    pub(crate) split: f32,
    /// Whether mesh shaders are faster than the rasteriser beyond that.
    pub(crate) mesh: bool,
}

/// Sides of squares of two triangles, pixels.
const SIDES: [u32; 5] = [2, 4, 8, 16, 22];
/// Squares along a side of a cluster.
const SQUARES: u32 = 8;
/// Runs, of which the fastest but the first counts.
const RUNS: u32 = 3;

/// What is drawn: clusters of a size beside one another.
struct Sheet {
    clusters: u32,
    bytes: Vec<u8>,
    /// Where the parts are, in bytes.
    frame: u64,
    work: u64,
}

/// A page with one cluster: 8 × 8 squares of two triangles, a grid unit each.
fn page(mesh: u64) -> Vec<u32> {
    let record_words = size_of::<ClusterRecord>() / 4;
    let side = SQUARES + 1;
    let mut positions = vec![0_u32; (side * side * 8).div_ceil(32) as usize];
    for vertex in 0..side * side {
        let (x, y) = (vertex % side, vertex / side);
        // Four bits each, x lowest: they never cross a word.
        let bit = vertex * 8;
        positions[(bit / 32) as usize] |= (x | y << 4) << (bit % 32);
    }
    let mut corners = Vec::new();
    for square in 0..SQUARES * SQUARES {
        let at = square / SQUARES * side + square % SQUARES;
        let (a, b, c, d) = (at, at + 1, at + side + 1, at + side);
        corners.extend([a, b, c, a, c, d].map(|vertex| vertex as u8));
    }
    let first = (PAGE_HEADER_WORDS + record_words) as u32;
    let triangles = first + positions.len() as u32;
    let record = ClusterRecord {
        refined: NO_GROUP,
        counts: (side * side - 1) | (2 * SQUARES * SQUARES - 1) << 8 | 4 << 16 | 4 << 21,
        positions: first,
        attributes: triangles,
        triangles,
        ..ClusterRecord::zeroed()
    };
    let mut words = vec![1, 0, mesh as u32, (mesh >> 32) as u32];
    words.extend_from_slice(bytemuck::cast_slice(bytemuck::bytes_of(&record)));
    words.extend(positions);
    words.extend(
        corners
            .chunks(4)
            .map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])),
    );
    words.extend([0, 0]);
    words
}

impl Sheet {
    /// Clusters of squares of `side` pixels over a picture, as many as there is room for, at most `most`. `base` is where it will lie.
    fn new(side: u32, extent: vk::Extent2D, most: u32, base: u64, pixels: u64) -> Self {
        let (width, height) = (extent.width, extent.height);
        let across = width / (side * SQUARES);
        let down = height / (side * SQUARES);
        let clusters = (across * down).min(most);
        let mut bytes: Vec<u8> = Vec::new();
        let mut put = |part: &[u8]| {
            bytes.resize(bytes.len().next_multiple_of(256), 0);
            let at = bytes.len() as u64;
            bytes.extend_from_slice(part);
            at
        };
        let scale = |size: u32| 2.0 * side as f32 / size as f32;
        let transforms: Vec<_> = (0..clusters)
            .map(|i| {
                let at = |n: u32, size: u32| n as f32 * SQUARES as f32 * scale(size) - 1.0;
                InstanceTransform {
                    rows: [
                        [scale(width), 0.0, 0.0, at(i % across, width) + 1e-3],
                        [0.0, scale(height), 0.0, at(i / across, height) + 1e-3],
                        [0.0, 0.0, 1.0, 0.5],
                    ],
                    ..InstanceTransform::IDENTITY
                }
            })
            .collect();
        let transforms = base + put(bytemuck::cast_slice(&transforms));
        let mesh = ClusterMeshInfo {
            step: 1.0,
            uv_step: [1.0; 2],
            ..ClusterMeshInfo::zeroed()
        };
        let mesh = base + put(bytemuck::bytes_of(&mesh));
        let page = base + put(bytemuck::cast_slice(&page(mesh)));
        let both_sides = 1 << 16;
        let visible = (0..clusters).flat_map(|i| [page as u32, (page >> 32) as u32, i, both_sides]);
        let visible = base + put(bytemuck::cast_slice(&visible.collect::<Vec<u32>>()));
        let list: Vec<u32> = (0..2 * clusters).map(|i| i % clusters).collect();
        let lists = base + put(bytemuck::cast_slice(&list));
        let entry = [clusters, 1, 1, clusters, 384, clusters, 0, 0];
        let entries: Vec<u32> = (0..work::COUNT).flat_map(|_| entry).collect();
        let work = put(bytemuck::cast_slice(&entries));
        let view = ClusterView {
            extent: [width as f32, height as f32],
            ..ClusterView::zeroed()
        };
        let views = base + put(bytemuck::bytes_of(&view));
        let identity = glam::Mat4::IDENTITY.to_cols_array_2d();
        let globals = Globals {
            clip_from_relative: identity,
            transforms,
            ..Globals::zeroed()
        };
        // The first thing that is asked for.
        let frame = ClusterFrame {
            views,
            work: base + work,
            visible,
            lists,
            pixels,
            cluster_room: clusters,
            ..ClusterFrame::zeroed()
        };
        let frame = put(bytemuck::bytes_of(&frame));
        put(bytemuck::bytes_of(&globals));
        Self {
            clusters,
            bytes,
            frame,
            work,
        }
    }

    fn globals(&self) -> u64 {
        self.frame + size_of::<ClusterFrame>().next_multiple_of(256) as u64
    }
}

/// Draws squares of all sizes in all ways, and says what is fastest. Some tens of milliseconds.
pub(crate) fn measure(gpu: &Gpu) -> Result<Crossover> {
    let device = gpu.device();
    let software = gpu.info().software;
    // A CPU needs less to be busy.
    let extent = if software {
        vk::Extent2D {
            width: 512,
            height: 256,
        }
    } else {
        vk::Extent2D {
            width: 2048,
            height: 2048,
        }
    };
    let most = if software { 64 } else { 4096 };
    let pipelines = RasterPipelines::new(gpu)?;
    let ways: Vec<Way> = [Way::Compute, Way::Hardware, Way::Mesh]
        .into_iter()
        .filter(|&way| way != Way::Mesh || device.mesh.is_some())
        .collect();
    let pixel_bytes = super::frame::pixel_bytes(extent);
    let pixels = Buffer::new(device, "cluster pixels", pixel_bytes, Memory::Device)?;
    let stamps = Stamps::new(device)?;
    let mut recorder = Recorder::new(device)?;
    let mut fastest: HashMap<(Way, u32), f64> = HashMap::new();
    for side in SIDES {
        let size = Sheet::new(side, extent, most, 0, 0).bytes.len() as u64;
        let data = Buffer::new(device, "clusters to measure", size, Memory::Device)?;
        let sheet = Sheet::new(side, extent, most, data.address, pixels.address);
        let mut staging = Buffer::new(device, "clusters to measure", size, Memory::Upload)?;
        staging.mapped_mut().copy_from_slice(&sheet.bytes);
        // Each way is a submission of its own: CPU drivers draw passes of one at a time that they choose.
        for (run, way) in (0..RUNS).flat_map(|run| ways.iter().map(move |&way| (run, way))) {
            gpu.with_bindless(|bindless| -> Result<()> {
                recorder.begin(bindless)?;
                recorder.reset_stamps(&stamps);
                let region = vk::BufferCopy {
                    size,
                    ..Default::default()
                };
                recorder.copy_buffer(staging.raw, data.raw, &[region]);
                recorder.fill_buffer(&pixels, 0, pixels.size, 0);
                let reads = Access::DRAW_READ.and(Access::COMPUTE_WRITE);
                recorder.memory_barrier(Access::COPY_WRITE, reads.and(Access::FRAGMENT_WRITE));
                if way == Way::Mesh {
                    recorder.memory_barrier(Access::COPY_WRITE, Access::MESH_READ);
                }
                recorder.stamp(&stamps, 0);
                let entry = match way {
                    Way::Compute => work::SMALL_FIRST,
                    Way::Hardware | Way::Mesh => work::LARGE_FIRST,
                };
                let push = RasterPush {
                    globals: data.address + sheet.globals(),
                    frame: data.address + sheet.frame,
                    list: u32::from(way == Way::Compute),
                    work: entry,
                };
                let command = sheet.work + u64::from(entry) * work::BYTES;
                if way != Way::Compute {
                    recorder.begin_rendering(extent, &[], None);
                }
                pipelines.draw(&mut recorder, bindless, way, &push, (&data, command));
                if way != Way::Compute {
                    recorder.end_rendering();
                }
                recorder.stamp(&stamps, 1);
                Ok(())
            })?;
            let value = recorder.submit(Submission::default())?;
            device.wait(value)?;
            if let [start, end] = stamps.read(2)?[..] {
                let best = fastest.entry((way, side)).or_insert(f64::MAX);
                // The first run warms caches.
                if run > 0 {
                    *best = best.min((end - start) / f64::from(sheet.clusters));
                }
            }
        }
    }
    let crossover = decide(&fastest);
    tracing::info!(?crossover, ?fastest, "what draws clusters");
    Ok(crossover)
}

/// From nanoseconds a cluster, by way and size.
fn decide(fastest: &HashMap<(Way, u32), f64>) -> Crossover {
    let time = |way, side| fastest.get(&(way, side)).copied();
    let sum = |way| {
        SIDES
            .iter()
            .map(|&side| time(way, side))
            .sum::<Option<f64>>()
    };
    let mesh = matches!((sum(Way::Mesh), sum(Way::Hardware)), (Some(m), Some(h)) if m < h);
    let other = if mesh { Way::Mesh } else { Way::Hardware };
    let wins = |&&side: &&u32| match (time(Way::Compute, side), time(other, side)) {
        (Some(compute), Some(other)) => compute <= other,
        _ => false,
    };
    let split = SIDES.iter().take_while(wins).last();
    Crossover {
        // Squares have diagonals.
        split: split.map_or(0.0, |&side| (side as f32 * 1.5).min(SPLIT_MAX)),
        mesh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GpuDesc;

    #[test]
    fn what_is_faster_draws() {
        let times = |compute: [f64; 5], hardware: [f64; 5], mesh: Option<[f64; 5]>| {
            let mut all = HashMap::new();
            for (i, side) in SIDES.into_iter().enumerate() {
                all.insert((Way::Compute, side), compute[i]);
                all.insert((Way::Hardware, side), hardware[i]);
                if let Some(mesh) = mesh {
                    all.insert((Way::Mesh, side), mesh[i]);
                }
            }
            all
        };
        let rising = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (compute, hardware, mesh, split, by_mesh) in [
            (rising, [3.0; 5], None, 6.0, false),
            (rising, [3.0; 5], Some([1.5; 5]), 3.0, true),
            (rising, [0.5; 5], Some([0.6; 5]), 0.0, false),
            ([1.0; 5], [2.0; 5], None, SPLIT_MAX, false),
        ] {
            let found = decide(&times(compute, hardware, mesh));
            assert_eq!(
                found,
                Crossover {
                    split,
                    mesh: by_mesh
                }
            );
        }
    }

    #[test]
    fn a_device_is_measured() {
        let gpu = Gpu::headless(&GpuDesc::default()).unwrap();
        let found = gpu.crossover().unwrap();
        println!("{found:?}");
        assert!((0.0..=SPLIT_MAX).contains(&found.split));
        assert!(!found.mesh || gpu.device().mesh.is_some());
        assert_eq!(gpu.crossover().unwrap(), found, "once");
    }

    /// What is timed is drawn: every cluster of a sheet has its pixels.
    #[test]
    fn sheets_cover_what_they_say() {
        let extent = vk::Extent2D {
            width: 512,
            height: 256,
        };
        for side in SIDES {
            let sheet = Sheet::new(side, extent, 64, 0, 0);
            assert!(sheet.clusters > 0);
            let reach = sheet.clusters * (side * SQUARES).pow(2);
            assert!(reach <= extent.width * extent.height);
        }
        let words = page(7);
        let record: &ClusterRecord = bytemuck::from_bytes(bytemuck::cast_slice(&words[4..24]));
        assert_eq!((record.vertex_count(), record.triangle_count()), (81, 128));
        assert_eq!(record.position_bits(), [4, 4, 0]);
    }
}
