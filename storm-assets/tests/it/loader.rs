//! Loading on threads: what comes, in which order, within which bytes.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use storm_assets::{
    gltf::{self, LoadOptions},
    loader::{self, LoadEvent, LoadProgress, Loader, LoaderOptions, Ticket},
};

use super::{corpus, fixture};

/// Long enough for any machine; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

/// A folder of this test's own, which goes when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("storm-loader-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        // At once, as editors save: a half-written file is another test's business.
        let (part, path) = (self.0.join("part"), self.0.join(name));
        std::fs::write(&part, bytes).unwrap();
        std::fs::rename(&part, &path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file of one node of this name, padded.
fn named(name: &str, padding: usize) -> String {
    let padding = " ".repeat(padding);
    format!(r#"{{"asset": {{"version": "2.0"}}, "nodes": [{{"name": "{name}"}}]{padding}}}"#)
}

/// A file of one triangle with `pictures` pictures, of which `broken` cannot be decoded.
fn pictures(count: usize, broken: &[usize]) -> Vec<u8> {
    let mut good = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut good);
    image::ImageEncoder::write_image(
        encoder,
        &[200; 64 * 64 * 4],
        64,
        64,
        image::ExtendedColorType::Rgba8,
    )
    .unwrap();
    let mut bad = good.clone();
    // The header stays as it is.
    bad.truncate(60);
    let uri = |at: usize| {
        let bytes = if broken.contains(&at) { &bad } else { &good };
        format!(
            r#"{{"uri": "data:image/png;base64,{}"}}"#,
            fixture::base64(bytes)
        )
    };
    let list = |each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<Vec<_>>().join(",");
    let json = fixture::TRIANGLE.replace(
        r#""accessors""#,
        &format!(
            r#""images": [{}], "textures": [{}], "accessors""#,
            list(&uri),
            list(&|at| format!(r#"{{"source": {at}}}"#)),
        ),
    );
    let material = |at: usize| {
        format!(r#"{{"pbrMetallicRoughness": {{"baseColorTexture": {{"index": {at}}}}}}}"#)
    };
    let json = json.replace(
        r#""materials": ["#,
        &format!(r#""materials": [{}, "#, list(&material)),
    );
    fixture::glb(&json, &fixture::triangle_bytes())
}

/// An options' callback that reports the beginning of each file and then waits to be let go.
fn gate() -> (LoadOptions, Receiver<()>, Sender<()>) {
    let (begun, sees) = channel();
    let (go, waits) = channel();
    let (begun, waits) = (Mutex::new(begun), Mutex::new(waits));
    let options = LoadOptions::default().with_progress(move |progress| {
        if progress.stage == gltf::Stage::Document {
            begun.lock().unwrap().send(()).unwrap();
            // The sender goes when the test lets all of them go.
            let _: Result<(), _> = waits.lock().unwrap().recv();
        }
        ControlFlow::Continue(())
    });
    (options, sees, go)
}

/// All events until this request is over; panics on any other's.
fn all_of(loader: &Loader, ticket: Ticket) -> Vec<LoadEvent> {
    let mut events = Vec::new();
    loop {
        let event = loader.next(LONG).expect("it comes in time");
        assert_eq!(event.ticket(), ticket);
        let last = matches!(event, LoadEvent::Finished { .. } | LoadEvent::Failed { .. });
        events.push(event);
        if last {
            return events;
        }
    }
}

#[test]
fn every_model_is_the_same_as_when_it_is_read_at_once() {
    let Some(root) = corpus::assets("every_model_is_the_same_as_when_it_is_read_at_once") else {
        return;
    };
    let mut read = 0;
    for path in corpus::models(&root.join("gltf-sample-assets")) {
        let once = gltf::load(&path, &LoadOptions::default());
        let options = LoaderOptions::default().with_threads(3);
        match (once, loader::load(&path, &options)) {
            (Ok(once), Ok(loaded)) => {
                let pixels = |file: &gltf::Gltf| {
                    file.library
                        .images
                        .iter()
                        .map(|(handle, image)| (handle, (**image).clone()))
                        .collect::<Vec<_>>()
                };
                assert!(pixels(&once) == pixels(&loaded), "{}", path.display());
                assert_eq!(once.summary, loaded.summary, "{}", path.display());
                assert_eq!(once.nodes, loaded.nodes);
                for (handle, material) in once.library.materials.iter() {
                    assert_eq!(
                        loaded.library.materials.get(handle),
                        Some(material),
                        "{}",
                        path.display()
                    );
                }
                read += 1;
            }
            (Err(once), Err(loaded)) => assert_eq!(once.to_string(), loaded.to_string()),
            (once, loaded) => panic!(
                "{}: {:?} and {:?}",
                path.display(),
                once.err(),
                loaded.err()
            ),
        }
    }
    assert!(read > 40, "{read}");
}

#[test]
fn the_file_comes_first_and_then_each_picture() {
    let folder = Folder::new("pictures");
    let path = folder.write("model.glb", pictures(5, &[3]));
    let loader = Loader::new(LoaderOptions::default().with_threads(2)).unwrap();
    let ticket = loader.load(&path, 0);
    let mut events = all_of(&loader, ticket).into_iter();
    let Some(LoadEvent::Loaded {
        file,
        revision: 0,
        pictures: 5,
        ..
    }) = events.next()
    else {
        panic!("the file comes first");
    };
    assert_eq!(file.library.images.len(), 0);
    let mut expected: Vec<_> = file.images.iter().map(|picture| picture.image).collect();
    let slot = file
        .library
        .materials
        .get(file.materials[2])
        .unwrap()
        .base_color_texture
        .unwrap();
    assert_eq!(
        slot.image, expected[2],
        "materials name what is still to come"
    );
    for event in events {
        let handle = match event {
            LoadEvent::Picture { handle, image, .. } => {
                assert_eq!((image.width(), image.pixels()[0]), (64, 200));
                handle
            }
            LoadEvent::PictureFailed { handle, error, .. } => {
                assert!(
                    error.to_string().contains("/images/3: cannot be decoded"),
                    "{error}"
                );
                assert_eq!(handle, file.images[3].image);
                handle
            }
            LoadEvent::Finished { .. } => break,
            other => panic!("{other:?}"),
        };
        expected.retain(|other| *other != handle);
    }
    assert!(expected.is_empty());
    assert_eq!((loader.held_bytes(), loader.progress(ticket)), (0, None));
    assert!(loader.most_held_bytes() > 5 * 64 * 64 * 4);
}

#[test]
fn what_cannot_be_read_fails_once_and_names_the_file() {
    let folder = Folder::new("broken");
    let table = [
        ("missing.glb", "cannot be read: "),
        (".", "is not a regular file"),
        ("broken.gltf", "JSON line 1 column 1"),
        ("beside.gltf", "cannot be read"),
    ];
    folder.write("broken.gltf", "{");
    folder.write(
        "beside.gltf",
        r#"{"asset": {"version": "2.0"}, "buffers": [{"byteLength": 4, "uri": "not-there.bin"}]}"#,
    );
    for (name, message) in table {
        let path = folder.0.join(name);
        let loader = Loader::new(LoaderOptions::default()).unwrap();
        let ticket = loader.load(&path, 0);
        let events = all_of(&loader, ticket);
        let [LoadEvent::Failed { error, .. }] = &events[..] else {
            panic!("{name}: {events:?}");
        };
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(
            error.to_string(),
            gltf::load(&path, &LoadOptions::default())
                .unwrap_err()
                .to_string()
        );
        assert_eq!(loader.held_bytes(), 0);
    }
}

#[test]
fn higher_priorities_come_first_and_may_be_changed_while_they_wait() {
    let folder = Folder::new("priorities");
    let (options, begun, go) = gate();
    let loader = Loader::new(LoaderOptions::default().with_threads(1).with_load(options)).unwrap();
    let load = |name: &str, priority| loader.load(folder.write(name, named(name, 0)), priority);
    let first = load("first", 0);
    begun.recv().unwrap();
    assert!(matches!(
        loader.progress(first),
        Some(LoadProgress::Reading { .. })
    ));
    // While the only thread is held up, the others wait.
    let low = load("low", -5);
    let (normal, same) = (load("normal", 0), load("same", 0));
    let (high, raised) = (load("high", 7), load("raised", -9));
    assert_eq!(loader.progress(raised), Some(LoadProgress::Waiting));
    loader.set_priority(raised, 8);
    drop(go);
    let order = [first, raised, high, normal, same, low];
    for ticket in order {
        let events = all_of(&loader, ticket);
        assert!(
            matches!(
                &events[..],
                [LoadEvent::Loaded { .. }, LoadEvent::Finished { .. }]
            ),
            "{events:?}"
        );
    }
}

#[test]
fn nothing_comes_of_what_is_cancelled() {
    let folder = Folder::new("cancelled");
    let (options, begun, go) = gate();
    let loader = Loader::new(LoaderOptions::default().with_threads(1).with_load(options)).unwrap();
    let path = folder.write("model.glb", pictures(3, &[]));
    let (reading, waiting, kept) = (
        loader.load(&path, 0),
        loader.load(&path, 0),
        loader.load(&path, 0),
    );
    begun.recv().unwrap();
    loader.cancel(waiting);
    loader.cancel(reading);
    loader.cancel(reading);
    assert_eq!(
        (loader.progress(reading), loader.progress(waiting)),
        (None, None)
    );
    drop(go);
    assert_eq!(all_of(&loader, kept).len(), 5);
    // Sent already, and not taken.
    let sent = loader.load(&path, 0);
    let LoadEvent::Loaded { .. } = loader.next(LONG).unwrap() else {
        panic!("the file comes first");
    };
    loader.cancel(sent);
    assert!(loader.try_next().is_none());
    drop(loader);
}

#[test]
fn a_loader_that_is_dropped_leaves_what_waits() {
    let folder = Folder::new("dropped");
    let path = folder.write("model.glb", pictures(4, &[]));
    for threads in [1, 4] {
        // The results are never taken, and the budget holds one file: threads wait when it is dropped.
        let options = LoaderOptions::default()
            .with_threads(threads)
            .with_budget_bytes(200_000);
        let loader = Loader::new(options).unwrap();
        for _ in 0..20 {
            loader.load(&path, 0);
        }
        assert!(loader.next(LONG).is_some());
        drop(loader);
    }
}

#[test]
fn loads_stay_within_their_budget_and_every_one_of_them_ends() {
    let folder = Folder::new("budget");
    let small = folder.write("small.glb", pictures(2, &[]));
    let large = folder.write("large.glb", pictures(12, &[]));
    // 12 pictures are 196,608 bytes of pixels; JSON and bytes come on top.
    let budget = 260_000;
    let too_large = folder.write("too-large.glb", pictures(20, &[]));
    for threads in 1..=4 {
        let options = LoaderOptions::default()
            .with_threads(threads)
            .with_budget_bytes(budget);
        let loader = Loader::new(options).unwrap();
        let mut left = BTreeMap::new();
        for at in 0..40 {
            let path = [&small, &large, &small, &too_large][at % 4];
            left.insert(loader.load(path, (at % 3) as i32), path);
        }
        while !left.is_empty() {
            let event = loader.next(LONG).expect("it goes on");
            assert!(loader.held_bytes() <= budget);
            match event {
                LoadEvent::Finished { ticket } => {
                    assert!(left.remove(&ticket).is_some_and(|path| *path != too_large))
                }
                LoadEvent::Failed { ticket, error } => {
                    assert_eq!(left.remove(&ticket), Some(&too_large));
                    let message = error.to_string();
                    assert!(
                        message.contains("the bytes of all loads would take"),
                        "{message}"
                    );
                }
                _ => {}
            }
        }
        assert_eq!(loader.held_bytes(), 0);
        assert!(
            (200_000..=budget).contains(&loader.most_held_bytes()),
            "{}",
            loader.most_held_bytes()
        );
    }
}

#[test]
fn a_file_that_changes_is_read_again() {
    let folder = Folder::new("watch");
    let options = LoaderOptions::default().with_watch(Duration::from_millis(1));
    let loader = Loader::new(options).unwrap();
    let path = folder.write("model.gltf", named("one", 0));
    let ticket = loader.load(&path, 0);
    let name_of = |events: &[LoadEvent], expected: u32| match &events[0] {
        LoadEvent::Loaded { file, revision, .. } => {
            assert_eq!(*revision, expected);
            file.nodes[0].name.clone()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(name_of(&all_of(&loader, ticket), 0), "one");
    assert_eq!(loader.progress(ticket), Some(LoadProgress::Done));
    // Of another length each time: the clock of the file system may be coarse.
    folder.write("model.gltf", named("two", 10));
    assert_eq!(name_of(&all_of(&loader, ticket), 1), "two");
    folder.write("model.gltf", "{");
    assert!(matches!(
        &all_of(&loader, ticket)[..],
        [LoadEvent::Failed { .. }]
    ));
    folder.write("model.gltf", named("four", 30));
    assert_eq!(name_of(&all_of(&loader, ticket), 3), "four");
    loader.cancel(ticket);
    folder.write("model.gltf", named("five", 50));
    let other = loader.load(folder.write("other.gltf", named("other", 0)), 0);
    assert_eq!(name_of(&all_of(&loader, other), 0), "other");
}

#[test]
fn a_file_beside_that_changes_counts_too() {
    let folder = Folder::new("watch-beside");
    let json = fixture::TRIANGLE.replace(
        r#"{"byteLength": 42}"#,
        r#"{"byteLength": 42, "uri": "data.bin"}"#,
    );
    let bytes = fixture::triangle_bytes();
    folder.write("data.bin", &bytes);
    let path = folder.write("model.gltf", json);
    let loader =
        Loader::new(LoaderOptions::default().with_watch(Duration::from_millis(1))).unwrap();
    let ticket = loader.load(&path, 0);
    let x = |events: &[LoadEvent]| match &events[0] {
        LoadEvent::Loaded { file, .. } => {
            file.library
                .meshes
                .get(file.meshes[0].primitives[0].mesh)
                .unwrap()
                .positions[0][0]
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(x(&all_of(&loader, ticket)), 0.0);
    let mut moved = fixture::floats(&[5.0]);
    moved.extend(&bytes[4..]);
    moved.extend([0; 8]);
    folder.write("data.bin", moved);
    assert_eq!(x(&all_of(&loader, ticket)), 5.0);
}

/// Requests, cancels and priorities as a seed has it, against what events may be: see [`LoadEvent`].
#[test]
fn events_keep_their_order_whatever_is_asked_for() {
    let folder = Folder::new("random");
    let files: Vec<PathBuf> = (0..4)
        .map(|at| folder.write(&format!("{at}.glb"), pictures(at * 2, &[1])))
        .chain([folder.write("bad.gltf", "[")])
        .collect();
    for seed in 0..30u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let threads = 1 + next(4) as usize;
        let budget = 300_000 + next(1_000_000);
        let loader = Loader::new(
            LoaderOptions::default()
                .with_threads(threads)
                .with_budget_bytes(budget),
        )
        .unwrap();
        // For each request that is not over: pictures still to come, once the file is here.
        let mut open: BTreeMap<Ticket, Option<usize>> = BTreeMap::new();
        let mut asked = 0;
        while asked < 40 || !open.is_empty() {
            match next(if asked < 40 { 6 } else { 3 }) {
                0..=2 if !open.is_empty() => {
                    let event = loader.next(LONG).expect("something is under way");
                    let ticket = event.ticket();
                    let state = open
                        .get_mut(&ticket)
                        .unwrap_or_else(|| panic!("{event:?} after the end"));
                    match (event, *state) {
                        (LoadEvent::Loaded { pictures, .. }, None) => *state = Some(pictures),
                        (
                            LoadEvent::Picture { .. } | LoadEvent::PictureFailed { .. },
                            Some(left @ 1..),
                        ) => *state = Some(left - 1),
                        (LoadEvent::Finished { .. }, Some(0))
                        | (LoadEvent::Failed { .. }, None) => {
                            open.remove(&ticket);
                        }
                        (event, state) => panic!("{event:?} in {state:?}"),
                    }
                }
                3 => {
                    let some = open
                        .keys()
                        .nth(next(open.len() as u64 + 1) as usize)
                        .copied();
                    if let Some(ticket) = some {
                        loader.cancel(ticket);
                        open.remove(&ticket);
                    }
                }
                4 => {
                    if let Some((&ticket, _)) = open.first_key_value() {
                        loader.set_priority(ticket, next(7) as i32 - 3);
                    }
                }
                _ if asked < 40 => {
                    let path: &Path = &files[next(files.len() as u64) as usize];
                    open.insert(loader.load(path, next(3) as i32), None);
                    asked += 1;
                }
                _ => {}
            }
            assert!(loader.most_held_bytes() <= budget);
        }
        assert!(loader.try_next().is_none());
        // What was cancelled is dropped by threads that are still at it.
        while loader.held_bytes() > 0 {
            std::thread::yield_now();
        }
    }
}

/// The thread was gone, its place among those that read was never given back, and whoever waited for an event waited for ever.
#[test]
fn a_callback_that_panics_fails_its_load_and_no_other() {
    let folder = Folder::new("panic");
    let (bad, good) = (
        folder.write("bad.gltf", named("bad", 0)),
        folder.write("good.gltf", named("good", 0)),
    );
    let seen = std::sync::atomic::AtomicBool::new(false);
    let load = LoadOptions::default().with_progress(move |_| {
        assert!(
            seen.swap(true, std::sync::atomic::Ordering::Relaxed),
            "the callback of a test that wants a panic"
        );
        ControlFlow::Continue(())
    });
    let loader = Loader::new(LoaderOptions::default().with_threads(1).with_load(load)).unwrap();
    let first = loader.load(bad, 1);
    match loader.next(LONG) {
        Some(LoadEvent::Failed { ticket, error }) => {
            assert_eq!(ticket, first);
            assert!(
                error
                    .to_string()
                    .ends_with("cannot be read: the code that read it panicked")
            );
        }
        other => panic!("{other:?}"),
    }
    let second = loader.load(good, 0);
    match loader.next(LONG) {
        Some(LoadEvent::Loaded { ticket, .. }) => assert_eq!(ticket, second),
        other => panic!("{other:?}"),
    }
    match loader.next(LONG) {
        Some(LoadEvent::Finished { ticket }) => assert_eq!(ticket, second),
        other => panic!("{other:?}"),
    }
    assert_eq!(loader.held_bytes(), 0);
}
