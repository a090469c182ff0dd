//! Files of clusters, the cache of them, and bytes that someone meddled with.

use std::{fs, io::Cursor, ops::ControlFlow, path::PathBuf, sync::Arc};

use storm_assets::{
    clusters::{self, BuildOptions, ClusterCache, ClusterMesh, CutView, MemoryPages, Page},
    gltf::{self, LoadOptions},
};

use crate::{
    clusters::Built,
    clusters_shapes::{Random, ball, dressed},
    corpus,
};

fn bytes(mesh: &ClusterMesh) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    clusters::write(mesh, &mut file).expect("memory");
    file.into_inner()
}

fn words(mesh: &ClusterMesh) -> Vec<Vec<u32>> {
    let page = |p| mesh.read_page(p).expect("a page").words().to_vec();
    (0..mesh.info().pages).map(page).collect()
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("storm-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_gives_back_what_was_written() {
    let folder = Folder::new("clusters-file");
    let path = folder.0.join("ball.storm-clusters");
    let built = clusters::build(&dressed(60), &BuildOptions::default()).expect("built");
    assert!(built.info().pages > 3);
    clusters::save(&built, &path).expect("written");
    let opened = clusters::open(&path).expect("opened");
    assert_eq!(opened.info(), built.info());
    assert_eq!(opened.nodes(), built.nodes());
    assert_eq!(opened.groups(), built.groups());
    assert_eq!(opened.pages(), built.pages());
    assert!(words(&opened) == words(&built));
    assert_eq!(
        fs::read_dir(&folder.0).expect("it").count(),
        1,
        "no part is left"
    );
    // Pages may be read on any thread.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| opened.verify().expect("sound"));
        }
    });
    let stored: u64 = (0..opened.info().pages)
        .map(|p| u64::from(opened.stored_bytes(p).expect("known")))
        .sum();
    let raw: u64 = opened.pages().iter().map(|p| u64::from(p.bytes)).sum();
    assert!(stored * 100 < raw * 85, "{stored} of {raw}");
}

/// What is there is used to the full: decoded, and cut in a few views.
fn use_all(mesh: &ClusterMesh) {
    let pages: Vec<Option<Page>> = (0..mesh.info().pages)
        .map(|p| mesh.read_page(p).ok())
        .collect();
    for page in pages.iter().flatten() {
        for c in 0..page.cluster_count() {
            let cluster = page.cluster(c, mesh.info());
            let vertices = cluster.positions.len();
            assert!(vertices <= 128 && cluster.triangles.len() <= 128);
            let mut corners = cluster.triangles.iter().flatten();
            assert!(corners.all(|&v| usize::from(v) < vertices));
        }
    }
    for threshold in [0.0, 1.0, 100.0] {
        let view = CutView {
            threshold,
            ..CutView::default()
        };
        let cut = clusters::cut(mesh, &view, |p| pages[p as usize].as_ref());
        assert!(cut.len() <= mesh.info().clusters as usize);
    }
}

#[test]
fn any_byte_of_a_file_may_be_wrong() {
    let built = clusters::build(&ball(24, 0.02, true), &BuildOptions::default()).expect("built");
    let good = bytes(&built);
    let read = |bytes: Vec<u8>| clusters::read(Cursor::new(bytes));
    let mut random = Random(5);
    let mut refused = 0;
    for _ in 0..400 {
        let mut bad = good.clone();
        let at = random.next() as usize % bad.len();
        bad[at] ^= (random.next() as u8).max(1);
        match read(bad) {
            // A page: its own hash tells, when it is read.
            Ok(mesh) => assert!(mesh.verify().is_err(), "byte {at}"),
            Err(error) => {
                assert!(!error.to_string().contains('\n'));
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    for length in (0..good.len()).step_by(97) {
        let cut = read(good[..length].to_vec());
        assert!(
            cut.is_err() || cut.is_ok_and(|m| m.verify().is_err()),
            "{length} bytes"
        );
    }
}

/// Who writes a file knows its hashes, too: the rules hold whatever the words are.
#[test]
fn any_word_of_the_tables_may_be_wrong_under_a_right_hash() {
    let built = clusters::build(&ball(24, 0.02, true), &BuildOptions::default()).expect("built");
    let good = bytes(&built);
    let words = u32::from_le_bytes(good[12..16].try_into().expect("four")) as usize;
    let mut random = Random(6);
    let (mut refused, mut used) = (0, 0);
    for _ in 0..1500 {
        let mut bad = good.clone();
        for _ in 0..1 + random.next() % 2 {
            let at = 48 + random.next() as usize % words * 4;
            let word = match random.next() % 4 {
                0 => random.next() as u32,
                1 => random.next() as u32 % 64,
                2 => u32::MAX - random.next() as u32 % 4,
                _ => f32::NAN.to_bits(),
            };
            bad[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let hash = blake3::hash(&bad[48..48 + words * 4]);
        bad[16..48].copy_from_slice(hash.as_bytes());
        match clusters::read(Cursor::new(bad)) {
            Ok(mesh) => {
                use_all(&mesh);
                used += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 500 && used > 50, "{refused} {used}");
}

/// Renderers add up what meshes state: two instances of one that stated 2⁶⁴ − 1 triangles were one too many for 64 bits.
#[test]
fn a_mesh_has_no_more_triangles_than_its_clusters_hold() {
    let built = clusters::build(&ball(4, 0.0, false), &BuildOptions::default()).expect("built");
    let with = |source: u64, all: u64| {
        let halves = |n: u64| [n as u32, (n >> 32) as u32];
        let mut info = *built.info();
        (info.source_triangles, info.triangles) = (halves(source), halves(all));
        ClusterMesh::new(
            info,
            built.nodes().to_vec(),
            built.groups().to_vec(),
            built.pages().to_vec(),
            Arc::new(MemoryPages(words(&built))),
        )
    };
    let (source, all) = (
        built.info().source_triangle_count(),
        built.info().triangle_count(),
    );
    let most = u64::from(built.info().clusters) * 128;
    assert!(with(source, all).is_ok() && with(most, most).is_ok());
    for (source, all) in [(u64::MAX, u64::MAX), (all + 1, all), (1, most + 1)] {
        assert!(with(source, all).is_err(), "{source} {all}");
    }
}

#[test]
fn any_word_of_a_page_may_be_wrong() {
    let built = clusters::build(&dressed(24), &BuildOptions::default()).expect("built");
    let good = words(&built);
    let with = |pages: Vec<Vec<u32>>| {
        ClusterMesh::new(
            *built.info(),
            built.nodes().to_vec(),
            built.groups().to_vec(),
            built.pages().to_vec(),
            Arc::new(MemoryPages(pages)),
        )
        .expect("the tables are good")
    };
    use_all(&with(good.clone()));
    let mut random = Random(7);
    let (mut refused, mut kept) = (0, 0);
    for _ in 0..600 {
        let mut bad = good.clone();
        let page = random.next() as usize % bad.len();
        let clusters = bad[page][0] as usize;
        // Mostly the records: of the streams nearly everything is allowed.
        let reach = if random.next().is_multiple_of(4) {
            bad[page].len()
        } else {
            4 + clusters * 20
        };
        let at = random.next() as usize % reach;
        bad[page][at] = match random.next() % 3 {
            0 => random.next() as u32,
            1 => bad[page][at].wrapping_add(1),
            _ => u32::MAX,
        };
        let mesh = with(bad);
        match mesh.verify() {
            Err(error) => {
                assert!(
                    error.to_string().starts_with(&format!("page {page}: ")),
                    "{error}"
                );
                refused += 1;
            }
            Ok(()) => kept += 1,
        }
        use_all(&mesh);
    }
    assert!(refused > 100 && kept > 50, "{refused} {kept}");
}

#[test]
fn headers_that_are_not_ours_say_so() {
    let built = clusters::build(&ball(4, 0.0, false), &BuildOptions::default()).expect("built");
    let good = bytes(&built);
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        clusters::read(Cursor::new(bad))
            .expect_err("bad")
            .to_string()
    };
    assert_eq!(
        with(0, b"glTF"),
        "no cluster mesh: it begins with [67, 6c, 54, 46, 4d, 43, 4c, 55]"
    );
    assert_eq!(with(8, &[9]), "version 9, version 1 can be read");
    assert!(with(12, &[0xff; 4]).starts_with("4294967295 words of tables"));
    assert_eq!(
        with(16, &[0; 8]),
        "tables that do not have the hash they state"
    );
}

#[test]
fn the_cache_builds_once_and_again_what_is_damaged() {
    let folder = Folder::new("clusters-cache");
    let cache = ClusterCache::new(&folder.0);
    let mesh = ball(24, 0.02, true);
    let options = BuildOptions::default();
    let get = |mesh: &storm_assets::Mesh, options: &BuildOptions| {
        let mut go_on = |_| ControlFlow::Continue(());
        let found = cache
            .get_or_build(mesh, options, &mut go_on)
            .expect("built");
        assert!(found.not_kept.is_none());
        found
    };
    let first = get(&mesh, &options);
    assert!(first.built);
    let again = get(&mesh, &options);
    assert!(!again.built && words(&again.mesh) == words(&first.mesh));
    // Threads change nothing; precision and the mesh do.
    let threads = options.clone().with_threads(std::num::NonZeroUsize::MIN);
    assert!(!get(&mesh, &threads).built);
    assert!(get(&mesh, &options.clone().with_precision(0.5)).built);
    let mut other = mesh.clone();
    other.indices.rotate_left(3);
    assert!(get(&other, &options).built);
    drop((first, again));

    let path = cache.path(&mesh, &options);
    let good = fs::read(&path).expect("an entry");
    let mut flipped = good.clone();
    *flipped.last_mut().expect("some") ^= 1;
    for bad in [&good[..good.len() / 2], &flipped, b"", b"hello"] {
        fs::write(&path, bad).expect("written");
        assert!(get(&mesh, &options).built);
        assert!(!get(&mesh, &options).built);
    }
}

#[test]
fn a_cache_without_a_folder_still_gives_the_mesh() {
    let cache = ClusterCache::new("/nowhere/at/all");
    let mut go_on = |_| ControlFlow::Continue(());
    let found = cache
        .get_or_build(&ball(4, 0.0, false), &BuildOptions::default(), &mut go_on)
        .expect("built");
    assert!(found.built && found.not_kept.is_some());
    assert!(found.mesh.verify().is_ok());
}

/// Models as people make them: whatever can be built keeps the rules.
#[test]
fn models_are_built() {
    let Some(root) = corpus::assets("models_are_built") else {
        return;
    };
    let mut built = 0;
    for path in corpus::models(&root.join("gltf-sample-assets")) {
        let Ok(file) = gltf::load(&path, &LoadOptions::default()) else {
            continue;
        };
        for (_, mesh) in file.library.meshes.iter() {
            match clusters::build(mesh, &BuildOptions::default()) {
                Ok(made) => {
                    let made = Built::from(made);
                    let finest = CutView {
                        threshold: 0.0,
                        ..CutView::default()
                    };
                    use_all(&made.mesh);
                    assert!(!made.cut(&finest, &|_| true).is_empty());
                    built += 1;
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    assert!(built > 30, "{built}");
}
