//! The peak of memory stays within the bound that `Limits` states, on crafted files as on honest ones.
#![expect(
    unsafe_code,
    reason = "a global allocator that counts is unsafe to write; it passes every call on"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use storm_assets::gltf::{self, Limits, LoadOptions};

use super::{
    corpus,
    fixture::{base64, floats, glb},
    geometry::png,
};

struct Counting;

thread_local! {
    // Per thread, so that tests beside this one do not count. Constant and without drop: safe to touch in an allocator.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // The thread may be ending, with its locals gone.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the pointer came from `System` by `alloc` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Where it has to move, both blocks live for a moment.
        count(size as isize);
        // SAFETY: the pointer came from `System` with this layout, and the caller keeps the contract of `realloc`.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        count(-(layout.size() as isize));
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that lived at once while `work` ran, over those before.
pub(crate) fn peak<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = work();
    ((PEAK.get() - before) as usize, result)
}

/// Small purses, so that a crafted file has to come close to the bound or go over it.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.value_bytes_base = 256 << 10;
    limits.image_bytes_max = 1 << 20;
    limits
}

fn json_length(file: &[u8]) -> usize {
    if file.starts_with(b"glTF") {
        u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize
    } else {
        file.len()
    }
}

#[test]
fn crafted_files_stay_within_the_bound() {
    let wrap = |rest: &str| format!(r#"{{"asset":{{"version":"2.0"}},{rest}}}"#).into_bytes();
    let list = |key: &str, element: &str, count: usize| {
        let elements = vec![element; count].join(",");
        wrap(&format!(r#""{key}":[{elements}]"#))
    };
    let n = 200_000;
    let strip = {
        let bytes = [floats(&vec![0.5; 300]), vec![7; 100_000]].concat();
        let json = r#"{"asset":{"version":"2.0"},
            "meshes":[{"primitives":[{"attributes":{"POSITION":0},"indices":1,"mode":5}]}],
            "accessors":[{"bufferView":0,"componentType":5126,"count":100,"type":"VEC3"},
                {"bufferView":1,"componentType":5121,"count":100000,"type":"SCALAR"}],
            "bufferViews":[{"buffer":0,"byteLength":1200},{"buffer":0,"byteOffset":1200,"byteLength":100000}],
            "buffers":[{"byteLength":101200}]}"#;
        glb(json, &bytes)
    };
    let tangents = |triangles: usize| {
        let vertices = triangles * 3;
        let side = |i: usize| [(i % 100) as f32, (i / 100) as f32, (i % 7) as f32];
        let positions: Vec<f32> = (0..vertices).flat_map(side).collect();
        let normals: Vec<f32> = (0..vertices).flat_map(|_| [0.0, 0.0, 1.0]).collect();
        let uvs: Vec<f32> = (0..vertices)
            .flat_map(|i| [(i % 3) as f32, (i % 5) as f32])
            .collect();
        let picture = png(1, 1, &[0, 0, 0]);
        let bytes = [floats(&positions), floats(&normals), floats(&uvs)].concat();
        let json = format!(
            r#"{{"asset":{{"version":"2.0"}},
            "meshes":[{{"primitives":[{{"attributes":{{"POSITION":0,"NORMAL":1,"TEXCOORD_0":2}},"material":0}}]}}],
            "materials":[{{"normalTexture":{{"index":0}}}}],"textures":[{{"source":0}}],
            "images":[{{"uri":"data:image/png;base64,{}"}}],
            "accessors":[{{"bufferView":0,"componentType":5126,"count":{vertices},"type":"VEC3"}},
                {{"bufferView":0,"byteOffset":{1},"componentType":5126,"count":{vertices},"type":"VEC3"}},
                {{"bufferView":0,"byteOffset":{2},"componentType":5126,"count":{vertices},"type":"VEC2"}}],
            "bufferViews":[{{"buffer":0,"byteLength":{3}}}],"buffers":[{{"byteLength":{3}}}]}}"#,
            base64(&picture),
            vertices * 12,
            vertices * 24,
            vertices * 32
        );
        glb(&json, &bytes)
    };
    let picture = |width: u32, height: u32| {
        let bytes = png(width, height, &vec![9; (width * height * 3) as usize]);
        let json = format!(
            r#"{{"asset":{{"version":"2.0"}},"materials":[{{"emissiveTexture":{{"index":0}}}}],"textures":[{{"source":0}}],
            "images":[{{"bufferView":0}}],"bufferViews":[{{"buffer":0,"byteLength":{0}}}],"buffers":[{{"byteLength":{0}}}]}}"#,
            bytes.len()
        );
        glb(&json, &bytes)
    };
    let shared = {
        // 20,000 primitives of the same 1,000 vertices.
        let primitives = vec![r#"{"attributes":{"POSITION":0}}"#; 20_000].join(",");
        wrap(&format!(
            r#""meshes":[{{"primitives":[{primitives}]}}],"accessors":[{{"componentType":5126,"count":1000,"type":"VEC3"}}]"#
        ))
    };
    let cases = [
        ("empty nodes", list("nodes", "{}", n)),
        ("named nodes", list("nodes", r#"{"name":"x"}"#, n)),
        ("empty materials", list("materials", "{}", n)),
        ("textures without images", list("textures", "{}", n)),
        ("scenes", list("scenes", "{}", n)),
        ("samplers", list("samplers", "{}", n)),
        ("images", list("images", r#"{"uri":""}"#, n)),
        ("extensions", list("extensionsUsed", r#""x""#, n)),
        (
            "meshes without positions",
            list("meshes", r#"{"primitives":[{"attributes":{}}]}"#, n),
        ),
        (
            "accessors of zeros",
            list(
                "accessors",
                r#"{"componentType":5121,"count":1,"type":"SCALAR"}"#,
                n,
            ),
        ),
        ("bare extras", list("extras", "0", n)),
        ("objects in extras", list("extras", r#"{"a":{}}"#, n)),
        ("escapes in extras", list("extras", r#""\n""#, n)),
        (
            "one long name",
            wrap(&format!(
                r#""nodes":[{{"name":"{}"}}]"#,
                "\\u00e9".repeat(n)
            )),
        ),
        (
            "attributes",
            wrap(&format!(
                r#""meshes":[{{"primitives":[{{"attributes":{{{}"POSITION":0}}}}]}}],"accessors":[{{"componentType":5126,"count":3,"type":"VEC3"}}]"#,
                (0..n)
                    .map(|i| format!(r#""TEXCOORD_{i}":0,"#))
                    .collect::<String>()
            )),
        ),
        (
            "a count out of nothing",
            wrap(
                r#""meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],"accessors":[{"componentType":5126,"count":4000000000,"type":"VEC3"}]"#,
            ),
        ),
        ("shared accessors", shared),
        ("a strip of bytes without normals", strip),
        ("tangents, few", tangents(500)),
        ("tangents, many", tangents(20_000)),
        ("a picture within its purse", picture(500, 500)),
        ("a picture over its purse", picture(600, 600)),
    ];
    let mut within = 0;
    for (name, file) in cases {
        let bound = limits().peak_bytes(file.len() as u64, json_length(&file) as u64) as usize;
        let options = LoadOptions::default().with_limits(limits());
        let (peak, result) = peak(|| gltf::parse(&file, &mut |_| unreachable!(), &options));
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.to_string(), |_| "read".to_owned());
        println!(
            "{name}: {peak} of {bound} bytes, {:.1} × input: {outcome}",
            peak as f64 / file.len() as f64
        );
        assert!(
            peak <= bound,
            "{name}: {peak} bytes, over the bound of {bound}: {outcome}"
        );
        within += usize::from(result.is_ok());
    }
    // Both sides of the limit are covered.
    assert!((8..20).contains(&within), "{within} were read");
}

#[test]
fn sample_models_stay_within_the_bound() {
    let Some(root) = corpus::assets("sample_models_stay_within_the_bound") else {
        return;
    };
    for path in corpus::models(&root.join("gltf-sample-assets")) {
        let file = std::fs::read(&path).unwrap();
        let mut input = file.len();
        let folder = path.parent().unwrap();
        let mut limits = Limits::default();
        limits.value_bytes_base = 1 << 20;
        // No more than the pictures need, so that the bound is close.
        let pictures =
            gltf::load(&path, &LoadOptions::default()).map(|file| file.summary.image_bytes);
        limits.image_bytes_max = pictures.unwrap_or(0);
        let options = LoadOptions::default().with_limits(limits.clone());
        let (peak, result) = peak(|| {
            gltf::parse(
                &file,
                &mut |request| {
                    // The names that the models use are plain or Unicode, not percent-encoded.
                    let bytes = std::fs::read(folder.join(request.uri))?;
                    input += bytes.len();
                    Ok(bytes)
                },
                &options,
            )
        });
        if let Err(error) = result {
            assert!(
                matches!(error.problem, gltf::Problem::Extension { .. }),
                "{}: {error}",
                path.display()
            );
        }
        let bound = limits.peak_bytes(input as u64, json_length(&file) as u64) as usize;
        assert!(peak <= bound, "{}: {peak} of {bound}", path.display());
    }
}
