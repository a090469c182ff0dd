//! Any bytes as a file of clusters, its hashes put right, for who writes a file knows them: what opens and reads keeps its rules, and nothing panics.
#![no_main]

use std::{io::Cursor, sync::Arc};

use libfuzzer_sys::fuzz_target;
use storm_assets::clusters::{self, ClusterMesh, CutView, MemoryPages, Page};

/// Magic, version, words of the tables, hash of the tables.
const HEADER: usize = 48;

fn use_all(mesh: &ClusterMesh) {
    let pages: Vec<Option<Page>> = (0..mesh.info().pages)
        .map(|p| mesh.read_page(p).ok())
        .collect();
    for page in pages.iter().flatten() {
        for c in 0..page.cluster_count() {
            let cluster = page.cluster(c, mesh.info());
            let vertices = cluster.positions.len();
            assert!(vertices <= clusters::CLUSTER_VERTICES_MAX);
            assert!(cluster.triangles.len() <= clusters::CLUSTER_TRIANGLES_MAX);
            assert!(
                cluster
                    .triangles
                    .iter()
                    .flatten()
                    .all(|&v| usize::from(v) < vertices)
            );
        }
    }
    for threshold in [0.0, 1.0] {
        let view = CutView {
            threshold,
            ..CutView::default()
        };
        let cut = clusters::cut(mesh, &view, |p| pages[p as usize].as_ref());
        assert!(cut.len() <= mesh.info().clusters as usize);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut file = bytes.to_vec();
    if let Some(words) = file.get(12..16) {
        let words = u32::from_le_bytes([words[0], words[1], words[2], words[3]]) as usize;
        if let Some(tables) = words
            .checked_mul(4)
            .and_then(|n| file.get(HEADER..HEADER.checked_add(n)?))
        {
            let hash = blake3::hash(tables);
            file[16..HEADER].copy_from_slice(hash.as_bytes());
        }
    }
    let Ok(mesh) = clusters::read(Cursor::new(file.clone())) else {
        return;
    };
    use_all(&mesh);
    // The pages have hashes in the tables, which this does not put right: once more with pages that nothing guards.
    let words: Vec<u32> = file
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let mut at = words.len();
    let pages = mesh.pages().iter().map(|page| {
        let length = page.bytes as usize / 4;
        let end = at;
        at = at.saturating_sub(length);
        let mut page = words[at..end].to_vec();
        page.resize(length, 0);
        page
    });
    let source = Arc::new(MemoryPages(pages.collect()));
    let (nodes, groups) = (mesh.nodes().to_vec(), mesh.groups().to_vec());
    if let Ok(mesh) = ClusterMesh::new(*mesh.info(), nodes, groups, mesh.pages().to_vec(), source) {
        use_all(&mesh);
    }
});
