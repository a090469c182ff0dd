//! What `convert` writes and says.

use crate::harness::{Folder, squares};

#[test]
fn a_file_becomes_one_glb_that_is_valid() {
    let folder = Folder::new("convert");
    squares(&folder);
    let ran = folder.run(&["convert", "squares.gltf", "-o", "out.glb"]);
    let said = ran.ok().stdout.clone();
    assert!(
        said.starts_with("out.glb: ") && said.lines().count() == 1,
        "{said}"
    );
    let valid = folder.run(&["validate", "out.glb"]);
    assert!(
        valid.ok().stdout.contains("0 errors, 0 warnings"),
        "{}",
        valid.stdout
    );
    // Written again it is the same file.
    folder.run(&["convert", "out.glb", "-o", "again.glb"]).ok();
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(read("out.glb"), read("again.glb"));

    let ran = folder.run(&[
        "convert",
        "squares.gltf",
        "-o",
        "small.glb",
        "--quantize",
        "--json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&ran.ok().stdout).unwrap();
    assert_eq!(report["bytes"], read("small.glb").len());
    assert_eq!(report["left_out"], serde_json::json!([]));
    folder.run(&["validate", "small.glb"]).ok();
}

#[test]
fn what_cannot_be_converted_leaves_nothing_behind() {
    let folder = Folder::new("convert-wrong");
    squares(&folder);
    folder.write("bad.gltf", "{");
    let table: &[(&[&str], i32, &str)] = &[
        (&["squares.gltf"], 2, "--output <GLB>"),
        (
            &["squares.gltf", "-o", "out.gltf"],
            1,
            "out.gltf: cannot be written: the name has to end in .glb",
        ),
        (
            &["squares.gltf", "-o", "none/out.glb"],
            1,
            "the folder none does not exist",
        ),
        (
            &["missing.glb", "-o", "out.glb"],
            1,
            "missing.glb: cannot be read",
        ),
        (&["bad.gltf", "-o", "out.glb"], 1, "bad.gltf: JSON line 1"),
        (
            &["squares.gltf", "-o", "out.glb", "--pictures", "tiff"],
            2,
            "it is none of keep, png",
        ),
        (
            &["squares.gltf", "-o", "out.glb", "--picture-size", "0"],
            2,
            "'--picture-size <PIXELS>'",
        ),
    ];
    for (words, code, message) in table {
        let words: Vec<&str> = ["convert"].iter().chain(*words).copied().collect();
        let ran = folder.run(&words);
        assert_eq!(ran.code, *code, "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{words:?}: {}", ran.stderr);
        assert!(!folder.path("out.glb").exists(), "{words:?}");
    }
    folder
        .run(&["convert", "squares.gltf", "-o", "own.glb"])
        .ok();
    let ran = folder.run(&["convert", "own.glb", "-o", "own.glb"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            1,
            "error: own.glb: cannot be written: it is the model itself\n"
        )
    );
}

/// `json!` panics on what serde refuses, and serde refuses paths that are no text.
#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_is_reported_as_near_to_one_as_it_goes() {
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new("convert-name");
    squares(&folder);
    folder
        .run(&["convert", "squares.gltf", "-o", "in.glb"])
        .ok();
    let name = std::ffi::OsStr::from_bytes(b"\xff.glb");
    std::fs::rename(folder.path("in.glb"), folder.path("").join(name)).unwrap();
    let ran = folder
        .viewer(&["convert", "--json", "-o", "out.glb"])
        .arg(name)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{:?}", ran.stderr);
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["file"], "\u{fffd}.glb");

    let ran = folder.run(&["convert", "squares.gltf", "-o", "a\nb.glb"]);
    assert!(ran.ok().stdout.starts_with("a b.glb: "), "{}", ran.stdout);
}

#[cfg(feature = "clusters")]
#[test]
fn meshes_become_files_of_clusters() {
    let folder = Folder::new("convert-clusters");
    squares(&folder);
    let ran = folder.run(&["convert", "--clusters", "squares.gltf", "-o", "out"]);
    let said = ran.ok().stdout.clone();
    let mut files = 0;
    for line in said.lines() {
        let (file, rest) = line.split_once(": ").unwrap();
        let mesh = storm_assets::clusters::open(folder.path("out").join(file)).unwrap();
        mesh.verify().unwrap();
        let triangles = mesh.info().source_triangle_count();
        assert!(
            rest.starts_with(&format!("{triangles} triangles, ")),
            "{line}"
        );
        files += 1;
    }
    assert!(files > 0, "{said}");
    // A file stands where the folder should.
    let ran = folder.run(&[
        "convert",
        "--clusters",
        "squares.gltf",
        "-o",
        "squares.gltf",
    ]);
    assert!(
        ran.stderr.contains("squares.gltf: cannot be written"),
        "{}",
        ran.stderr
    );
    let ran = folder.run(&[
        "convert",
        "--clusters",
        "--quantize",
        "squares.gltf",
        "-o",
        "out",
    ]);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}
