//! Brings pages to the GPU as views ask for them, within a budget of bytes, and so many bytes a frame.
//!
//! A frame's shaders list the pages that its views had use for, there or not. Once the CPU has that list, some frames later,
//! [`Stream::frame`] has `residency.rs` decide; what gives way is taken from the tables of its mesh, what was read is uploaded, both with the
//! uploads of the frame that is about to be recorded. Those wait for the reads of all frames before: so memory of a page is used
//! again at once.

use std::collections::VecDeque;

use storm_assets::clusters::ClusterMesh;

use super::{
    frame::ASKED_BYTES,
    meshes::ClusterMeshes,
    reader::{PageReader, Read},
    residency::{PageKey, Residency, ResidencyCounts, Seen},
};
use crate::{
    error::{RenderError, Result},
    scene::Uploads,
};

/// Pages on their way at a time.
const LOADING_MAX: u32 = 64;
/// Steps of the logarithm that urgency is.
const URGENCY_STEPS: f32 = 64.0;

/// How streaming of clusters stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterStreaming {
    /// Bytes that pages may take.
    pub budget: u64,
    /// Bytes of pages that are there.
    pub resident_bytes: u64,
    /// Bytes of pages on their way.
    pub loading_bytes: u64,
    /// Pages on their way.
    pub loading: u32,
    /// Pages that views had use for last, and that neither are there nor on their way.
    pub missing: u32,
    /// Reads that failed, since streaming began.
    pub failures: u64,
    /// Bytes of pages uploaded, since streaming began.
    pub uploaded_bytes: u64,
    /// Pages given up, since streaming began.
    pub evicted: u64,
}

/// Streaming of a scene.
pub(crate) struct Stream {
    residency: Residency,
    reader: PageReader,
    /// Read, and not yet uploaded.
    waiting: VecDeque<Read>,
    budget: u64,
    frame_bytes: u64,
    uploaded: u64,
    evicted: u64,
}

/// What a frame has asked for, from the words that it left: see `AskedPage` of `shaders/cluster_frame.glsl`.
pub(crate) fn seen(words: &[u32], count: u32) -> Vec<Seen> {
    let records = words.chunks_exact(ASKED_BYTES as usize / 4);
    let seen = |record: &[u32]| Seen {
        key: PageKey {
            mesh: record[0],
            page: record[1],
        },
        error: (record[2] as f32 / URGENCY_STEPS).exp2(),
    };
    records.take(count as usize).map(seen).collect()
}

impl Stream {
    pub(crate) fn new(budget: u64, frame_bytes: u64) -> Result<Self> {
        Ok(Self {
            residency: Residency::new(budget, LOADING_MAX),
            reader: PageReader::new().map_err(RenderError::NoThread)?,
            waiting: VecDeque::new(),
            budget,
            frame_bytes: frame_bytes.max(1),
            uploaded: 0,
            evicted: 0,
        })
    }

    pub(crate) fn set_budget(&mut self, budget: u64, frame_bytes: u64) {
        self.residency.set_budget(budget);
        (self.budget, self.frame_bytes) = (budget, frame_bytes.max(1));
    }

    pub(crate) fn state(&self) -> ClusterStreaming {
        let ResidencyCounts {
            resident_bytes,
            loading_bytes,
            loading,
            missing,
            failures,
        } = self.residency.counts();
        ClusterStreaming {
            budget: self.budget,
            resident_bytes,
            loading_bytes,
            loading,
            missing,
            failures,
            uploaded_bytes: self.uploaded,
            evicted: self.evicted,
        }
    }

    /// A mesh whose root pages are about to be uploaded. Gives the pages that make room for them.
    pub(crate) fn add(&mut self, number: u32, mesh: &ClusterMesh) -> Result<Vec<PageKey>> {
        let evicted =
            self.residency
                .add(number, mesh)
                .map_err(|error| RenderError::OutOfSpace {
                    what: "the coarsest clusters of a mesh",
                    needed: error.needed,
                    limit: error.left,
                })?;
        self.evicted += evicted.len() as u64;
        Ok(evicted)
    }

    pub(crate) fn remove(&mut self, number: u32) {
        self.residency.remove(number);
    }

    /// One frame: what was seen in one before, and what is done about it with the uploads of the next.
    pub(crate) fn frame(
        &mut self,
        meshes: &mut ClusterMeshes,
        uploads: &mut Uploads,
        seen: &[Seen],
    ) -> Result<()> {
        let actions = self.residency.frame(seen);
        for key in &actions.evict {
            meshes.unload(uploads, key.mesh, key.page)?;
            self.evicted += 1;
        }
        for load in &actions.load {
            if let Some(mesh) = meshes.mesh(load.key.mesh) {
                self.reader.ask(*load, mesh);
            }
        }
        self.waiting.extend(self.reader.poll());
        let mut left = self.frame_bytes;
        while left > 0
            && let Some(read) = self.waiting.pop_front()
        {
            left = left.saturating_sub(self.take(meshes, uploads, read)?);
        }
        Ok(())
    }

    /// Uploads a page that was read, if it is still wanted; gives its bytes.
    fn take(
        &mut self,
        meshes: &mut ClusterMeshes,
        uploads: &mut Uploads,
        read: Read,
    ) -> Result<u64> {
        match read.page {
            Ok(page) => {
                let Some(key) = self.residency.loaded(read.load.ticket) else {
                    return Ok(0);
                };
                meshes.load(uploads, key.mesh, key.page, &page)?;
                let bytes = size_of_val(page.words()) as u64;
                self.uploaded += bytes;
                Ok(bytes)
            }
            Err(error) => {
                let failed = self.residency.failed(read.load.ticket);
                if let Some((key, times)) = failed {
                    tracing::warn!(%error, ?key, times, "a page of clusters cannot be read");
                }
                Ok(0)
            }
        }
    }

    /// Waits until all pages on their way have been read, and uploads them, however many bytes they are.
    pub(crate) fn finish(
        &mut self,
        meshes: &mut ClusterMeshes,
        uploads: &mut Uploads,
    ) -> Result<()> {
        while let Some(read) = self.waiting.pop_front() {
            self.take(meshes, uploads, read)?;
        }
        while self.residency.counts().loading > 0
            && let Some(read) = self.reader.wait()
        {
            self.take(meshes, uploads, read)?;
        }
        Ok(())
    }
}
