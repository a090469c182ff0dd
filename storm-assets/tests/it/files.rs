//! Loading from the file system.

use std::{fs, path::PathBuf};

use storm_assets::gltf::{self, Limits, LoadOptions};

use super::fixture::{TRIANGLE, triangle, triangle_bytes};

/// A fresh folder for one test.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("in/sub")).unwrap();
    folder
}

/// The triangle, with its buffer behind a URI.
fn with_uri(uri: &str) -> String {
    TRIANGLE.replace(
        r#"{"byteLength": 42}"#,
        &format!(r#"{{"byteLength": 42, "uri": "{uri}"}}"#),
    )
}

#[test]
fn files_beside_are_found_by_decoded_names() {
    let folder = folder("files_beside");
    for (name, uri) in [
        ("plain.bin", "plain.bin"),
        ("two words.bin", "two%20words.bin"),
        ("two words.bin", "two words.bin"),
        ("größe❤.bin", "gr%C3%B6%C3%9Fe❤.bin"),
        ("sub/deep.bin", "./sub/../sub/deep.bin"),
    ] {
        fs::write(folder.join("in").join(name), triangle_bytes()).unwrap();
        let path = folder.join("in/model.gltf");
        fs::write(&path, with_uri(uri)).unwrap();
        let file = gltf::load(&path, &LoadOptions::default())
            .unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!(file.summary.triangles, 1);
        assert_eq!(file.source, path.to_str().unwrap());
    }
}

#[test]
fn nothing_outside_of_the_folder_is_read() {
    let folder = folder("outside");
    // There is something to find.
    fs::write(folder.join("secret.bin"), triangle_bytes()).unwrap();
    let path = folder.join("in/model.gltf");
    let absolute = folder.join("secret.bin");
    for uri in [
        "../secret.bin",
        "sub/../../secret.bin",
        "%2e%2e/secret.bin",
        "..%2fsecret.bin",
        absolute.to_str().unwrap(),
        &format!("file://{}", absolute.display()),
    ] {
        fs::write(&path, with_uri(uri)).unwrap();
        let error = gltf::load(&path, &LoadOptions::default()).unwrap_err();
        assert!(
            matches!(error.problem, gltf::Problem::Uri { .. }),
            "{uri}: {error}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = folder("unreadable");
    let missing = folder.join("in/missing.glb");
    let error = gltf::load(&missing, &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("{}: cannot be read: ", missing.display())),
        "{error}"
    );

    let error = gltf::load(folder.join("in"), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("in: cannot be read: is not a regular file"),
        "{error}"
    );

    let path = folder.join("in/model.gltf");
    fs::write(&path, with_uri("sub")).unwrap();
    let error = gltf::load(&path, &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(r#"/buffers/0/uri: "sub" cannot be read: is not a regular file"#),
        "{error}"
    );
}

#[test]
fn files_over_the_limit_are_not_read() {
    let folder = folder("over_the_limit");
    let path = folder.join("in/model.glb");
    fs::write(&path, triangle()).unwrap();
    let mut limits = Limits::default();
    limits.input_bytes_max = 100;
    let options = LoadOptions::default().with_limits(limits.clone());
    let error = gltf::load(&path, &options).unwrap_err().to_string();
    assert!(
        error.ends_with("is larger than the 100 bytes that may still be read"),
        "{error}"
    );

    let path = folder.join("in/model.gltf");
    let json = with_uri("big.bin");
    fs::write(&path, &json).unwrap();
    fs::write(folder.join("in/big.bin"), vec![0; 4096]).unwrap();
    limits.input_bytes_max = json.len() as u64 + 64;
    let options = LoadOptions::default().with_limits(limits);
    let error = gltf::load(&path, &options).unwrap_err().to_string();
    assert!(
        error.ends_with("is larger than the 64 bytes that may still be read"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_hang_the_reader() {
    let folder = folder("pipe");
    // A character device stands in for a pipe: neither is a regular file, and reading it would not end.
    std::os::unix::fs::symlink("/dev/zero", folder.join("in/endless.bin")).unwrap();
    let path = folder.join("in/model.gltf");
    fs::write(&path, with_uri("endless.bin")).unwrap();
    let error = gltf::load(&path, &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("is not a regular file"), "{error}");
}
