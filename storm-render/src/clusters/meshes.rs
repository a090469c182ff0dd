//! Cluster meshes on the GPU: of each the tables that are always resident, in a buffer of its own so that their addresses stay, and
//! its pages.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use storm_assets::clusters::{ClusterInfo, ClusterMesh, Group, Node, NodeChild, Page};

use super::{
    pages::{PagePlace, PagePool},
    residency::Seen,
    stream::{ClusterStreaming, Stream},
};
use crate::{
    error::{RenderError, Result},
    gpu::{
        buffer::{Buffer, Memory},
        device::Device,
    },
    scene::{Uploads, arena::Table},
};

/// As `ClusterMesh` of `shaders/cluster.glsl`.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ClusterMeshInfo {
    pub(crate) sphere: [f32; 4],
    pub(crate) origin: [f32; 3],
    pub(crate) step: f32,
    pub(crate) uv_origin: [[f32; 2]; 2],
    pub(crate) uv_step: [f32; 2],
    pub(crate) flags: u32,
    pub(crate) group_count: u32,
    pub(crate) nodes: u64,
    pub(crate) groups: u64,
    pub(crate) pages: u64,
    pub(crate) asked: u64,
    pub(crate) root_pages: u32,
    pub(crate) number: u32,
}

/// As `ClusterInstance` of `shaders/cluster_frame.glsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ClusterInstance {
    pub(crate) slot: u32,
    pub(crate) mesh: u32,
}

/// [`ClusterInstance::mesh`].
pub(crate) const INSTANCE_BOTH_SIDES: u32 = 1 << 24;
pub(crate) const INSTANCE_MIRRORED: u32 = 1 << 25;

/// Nodes and groups that a mesh may have, each: queues name them in 25 bits.
const NUMBERS_MAX: usize = 1 << 25;
/// Meshes that there may be.
const MESHES_MAX: usize = 1 << 24;

/// A mesh that is there.
struct Resident {
    mesh: ClusterMesh,
    tables: Buffer,
    /// Where the addresses of its pages are in `tables`.
    addresses: u64,
    pages: Vec<Option<PagePlace>>,
    depth: u32,
}

/// All cluster meshes of a scene.
pub(crate) struct ClusterMeshes {
    meshes: Vec<Option<Resident>>,
    free: Vec<u32>,
    /// Addresses of [`ClusterMeshInfo`]s, by number.
    table: Table<u64>,
    pool: PagePool,
    /// Where there is a budget.
    stream: Option<Stream>,
    device: Arc<Device>,
}

/// Where the tables of a mesh lie in its buffer, in bytes.
struct Layout {
    nodes: u64,
    groups: u64,
    pages: u64,
    asked: u64,
    bytes: u64,
}

impl Layout {
    fn of(mesh: &ClusterMesh) -> Self {
        let mut end = size_of::<ClusterMeshInfo>() as u64;
        let mut part = |bytes: usize| {
            let start = end.next_multiple_of(16);
            end = start + bytes as u64;
            start
        };
        Self {
            nodes: part(size_of_val(mesh.nodes())),
            groups: part(size_of_val(mesh.groups())),
            pages: part(mesh.pages().len() * 8),
            asked: part(mesh.pages().len() * 4),
            bytes: end,
        }
    }
}

/// The most nodes on a way from the root to a group. Children follow their parents.
fn depth(nodes: &[Node]) -> u32 {
    let mut depths = vec![0_u32; nodes.len()];
    let mut deepest = 1;
    for (number, node) in nodes.iter().enumerate() {
        for child in node.children() {
            if child.target & NodeChild::GROUP == 0 {
                depths[child.target as usize] = depths[number] + 1;
                deepest = deepest.max(depths[number] + 2);
            }
        }
    }
    deepest
}

fn sphere_around(info: &ClusterInfo) -> [f32; 4] {
    let (low, high) = (glam::Vec3::from(info.min), glam::Vec3::from(info.max));
    let middle = 0.5 * (low + high);
    middle.extend(0.5 * (high - low).length()).into()
}

impl ClusterMeshes {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Ok(Self {
            meshes: Vec::new(),
            free: Vec::new(),
            table: Table::new(device, "cluster meshes", 64)?,
            pool: PagePool::new(device),
            stream: None,
            device: Arc::clone(device),
        })
    }

    /// Addresses of the meshes, by number.
    pub(crate) fn table(&self) -> &Buffer {
        self.table.buffer()
    }

    /// Levels of the deepest hierarchy.
    pub(crate) fn depth(&self) -> u32 {
        let all = self.meshes.iter().flatten();
        all.map(|mesh| mesh.depth).max().unwrap_or(0)
    }

    /// Triangles of the finest level of a mesh.
    pub(crate) fn triangles(&self, number: u32) -> u64 {
        let mesh = self.meshes.get(number as usize).and_then(Option::as_ref);
        mesh.map_or(0, |mesh| mesh.mesh.info().source_triangle_count())
    }

    /// Clusters of the coarsest kind that stand for a mesh.
    pub(crate) fn roots(&self, number: u32) -> u32 {
        let mesh = self.meshes.get(number as usize).and_then(Option::as_ref);
        mesh.map_or(0, |resident| {
            let mesh = &resident.mesh;
            let pages = &mesh.pages()[..mesh.info().root_pages as usize];
            pages.iter().map(|page| page.clusters).sum()
        })
    }

    /// Bytes of the pages that are there.
    pub(crate) fn page_bytes(&self) -> u64 {
        self.pool.used()
    }

    /// The mesh of a number.
    pub(crate) fn mesh(&self, number: u32) -> Option<&ClusterMesh> {
        let mesh = self.meshes.get(number as usize)?.as_ref()?;
        Some(&mesh.mesh)
    }

    /// Has pages of meshes that come from now on streamed, within so many bytes, so many of them a frame; or all of them uploaded at
    /// once.
    pub(crate) fn set_budget(&mut self, budget: Option<(u64, u64)>) -> Result<()> {
        match (&mut self.stream, budget) {
            (Some(stream), Some((bytes, frame_bytes))) => stream.set_budget(bytes, frame_bytes),
            (None, Some((bytes, frame_bytes))) => {
                self.stream = Some(Stream::new(bytes, frame_bytes)?);
            }
            (_, None) => self.stream = None,
        }
        Ok(())
    }

    /// How streaming stands, where there is a budget.
    pub(crate) fn streaming(&self) -> Option<ClusterStreaming> {
        self.stream.as_ref().map(Stream::state)
    }

    /// Brings what a frame has asked for.
    pub(crate) fn stream(&mut self, uploads: &mut Uploads, seen: &[Seen]) -> Result<()> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(());
        };
        let result = stream.frame(self, uploads, seen);
        self.stream = Some(stream);
        result
    }

    /// Waits for all pages on their way.
    pub(crate) fn finish_streaming(&mut self, uploads: &mut Uploads) -> Result<()> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(());
        };
        let result = stream.finish(self, uploads);
        self.stream = Some(stream);
        result
    }

    /// Uploads a mesh with all its pages, or with those of its roots where pages are streamed; gives its number.
    pub(crate) fn insert(&mut self, uploads: &mut Uploads, mesh: &ClusterMesh) -> Result<u32> {
        let full = |what, needed: usize, limit: usize| RenderError::OutOfSpace {
            what,
            needed: needed as u64,
            limit: limit as u64,
        };
        let numbers = mesh.nodes().len().max(mesh.groups().len());
        if numbers > NUMBERS_MAX {
            return Err(full(
                "nodes or groups of a cluster mesh",
                numbers,
                NUMBERS_MAX,
            ));
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.meshes.push(None);
            self.meshes.len() as u32 - 1
        });
        if number as usize >= MESHES_MAX {
            self.free.push(number);
            return Err(full("cluster meshes", number as usize + 1, MESHES_MAX));
        }
        let made = self.make_room(uploads, mesh, number).and_then(|pages| {
            let made = self.make(uploads, mesh, number, pages);
            if let (Err(_), Some(stream)) = (&made, &mut self.stream) {
                stream.remove(number);
            }
            made
        });
        match made {
            Ok(resident) => {
                self.meshes[number as usize] = Some(resident);
                Ok(number)
            }
            Err(error) => {
                self.free.push(number);
                Err(error)
            }
        }
    }

    /// How many pages of a mesh are uploaded at once: all, or those of its roots, for which others make room.
    fn make_room(
        &mut self,
        uploads: &mut Uploads,
        mesh: &ClusterMesh,
        number: u32,
    ) -> Result<usize> {
        let Some(stream) = &mut self.stream else {
            return Ok(mesh.pages().len());
        };
        for key in stream.add(number, mesh)? {
            self.unload(uploads, key.mesh, key.page)?;
        }
        Ok(mesh.info().root_pages as usize)
    }

    fn make(
        &mut self,
        uploads: &mut Uploads,
        mesh: &ClusterMesh,
        number: u32,
        pages: usize,
    ) -> Result<Resident> {
        let layout = Layout::of(mesh);
        let tables = Buffer::new(&self.device, "cluster tables", layout.bytes, Memory::Device)?;
        let info = mesh.info();
        let record = ClusterMeshInfo {
            sphere: sphere_around(info),
            origin: info.origin,
            step: info.step,
            uv_origin: info.uv_origin,
            uv_step: info.uv_step,
            flags: info.flags,
            group_count: info.groups,
            nodes: tables.address + layout.nodes,
            groups: tables.address + layout.groups,
            pages: tables.address + layout.pages,
            asked: tables.address + layout.asked,
            root_pages: info.root_pages,
            number,
        };
        let nodes: &[Node] = mesh.nodes();
        let groups: &[Group] = mesh.groups();
        uploads.write(&tables, 0, bytemuck::bytes_of(&record))?;
        uploads.write(&tables, layout.nodes, bytemuck::cast_slice(nodes))?;
        uploads.write(&tables, layout.groups, bytemuck::cast_slice(groups))?;
        let zeros = vec![0_u32; mesh.pages().len()];
        uploads.write(&tables, layout.asked, bytemuck::cast_slice(&zeros))?;
        let mut resident = Resident {
            depth: depth(nodes),
            mesh: mesh.clone(),
            addresses: layout.pages,
            pages: vec![None; mesh.pages().len()],
            tables,
        };
        let written = self
            .upload_pages(uploads, &mut resident, pages)
            .and_then(|()| {
                self.table
                    .write(uploads, number, &[resident.tables.address])
            });
        if let Err(error) = written {
            self.release(uploads, resident);
            return Err(error);
        }
        Ok(resident)
    }

    /// Uploads the first pages of a mesh, and says of all others that they are not there.
    fn upload_pages(
        &mut self,
        uploads: &mut Uploads,
        resident: &mut Resident,
        count: usize,
    ) -> Result<()> {
        let mut addresses = vec![0_u64; resident.pages.len()];
        for (number, address) in (0..count).zip(&mut addresses) {
            let page = resident.mesh.read_page(number as u32)?;
            *address = Self::upload_page(&mut self.pool, uploads, resident, number, &page)?;
        }
        uploads.write(
            &resident.tables,
            resident.addresses,
            bytemuck::cast_slice(&addresses),
        )
    }

    /// Uploads a page, and gives its address.
    fn upload_page(
        pool: &mut PagePool,
        uploads: &mut Uploads,
        resident: &mut Resident,
        number: usize,
        page: &Page,
    ) -> Result<u64> {
        let words = page.words();
        let place = pool.allocate(size_of_val(words) as u64)?;
        resident.pages[number] = Some(place);
        let (buffer, offset) = pool.place(place);
        // Its third and fourth word tell shaders where the mesh is.
        let mesh = resident.tables.address;
        let head = [words[0], words[1], mesh as u32, (mesh >> 32) as u32];
        uploads.write(buffer, offset, bytemuck::cast_slice(&head))?;
        uploads.write(buffer, offset + 16, bytemuck::cast_slice(&words[4..]))?;
        Ok(pool.address(place))
    }

    /// Uploads a page that is not there, from the next frame on.
    pub(crate) fn load(
        &mut self,
        uploads: &mut Uploads,
        number: u32,
        page_number: u32,
        page: &Page,
    ) -> Result<()> {
        let place = self.meshes.get_mut(number as usize);
        let Some(resident) = place.and_then(Option::as_mut) else {
            return Ok(());
        };
        let index = page_number as usize;
        if resident.pages.get(index).is_none_or(Option::is_some) {
            return Ok(());
        }
        let address = Self::upload_page(&mut self.pool, uploads, resident, index, page)?;
        let at = resident.addresses + u64::from(page_number) * 8;
        uploads.write(&resident.tables, at, &address.to_le_bytes())
    }

    /// Takes a page away, from the next frame on.
    pub(crate) fn unload(
        &mut self,
        uploads: &mut Uploads,
        number: u32,
        page_number: u32,
    ) -> Result<()> {
        let place = self.meshes.get_mut(number as usize);
        let Some(resident) = place.and_then(Option::as_mut) else {
            return Ok(());
        };
        let page = resident.pages.get_mut(page_number as usize);
        if let Some(place) = page.and_then(Option::take) {
            let at = resident.addresses + u64::from(page_number) * 8;
            uploads.write(&resident.tables, at, &0_u64.to_le_bytes())?;
            self.pool.free(place);
        }
        Ok(())
    }

    /// The mesh and page that lie at an address.
    #[cfg(test)]
    pub(crate) fn page_at(&self, address: u64) -> Option<(u32, u32)> {
        let meshes = (0..).zip(&self.meshes);
        meshes
            .filter_map(|(number, mesh)| Some((number, mesh.as_ref()?)))
            .flat_map(|(number, mesh)| (0..).zip(&mesh.pages).map(move |(i, p)| (number, i, p)))
            .find(|(_, _, place)| place.is_some_and(|place| self.pool.address(place) == address))
            .map(|(number, page, _)| (number, page))
    }

    /// Takes a mesh away.
    pub(crate) fn remove(&mut self, uploads: &mut Uploads, number: u32) {
        let place = self.meshes.get_mut(number as usize).and_then(Option::take);
        if let Some(resident) = place {
            if let Some(stream) = &mut self.stream {
                stream.remove(number);
            }
            self.release(uploads, resident);
            self.free.push(number);
        }
    }

    fn release(&mut self, uploads: &mut Uploads, resident: Resident) {
        uploads.retire(resident.tables);
        for place in resident.pages.into_iter().flatten() {
            self.pool.free(place);
        }
    }
}
