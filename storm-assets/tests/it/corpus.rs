//! Where the shared test data are, and how to walk them.

use std::path::{Path, PathBuf};

/// The folder `assets` of `STORM_TEST_DATA`; says so and gives `None` where the variable is not set.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn assets(test: &str) -> Option<PathBuf> {
    let Some(data) = std::env::var_os("STORM_TEST_DATA").filter(|data| !data.is_empty()) else {
        println!("skipped: {test} (STORM_TEST_DATA is not set)");
        return None;
    };
    Some(Path::new(&data).join("assets"))
}

/// All .gltf and .glb files below a folder, in path order.
pub(crate) fn models(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "gltf" || e == "glb") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path of a model relative to the folder of all, with forward slashes.
pub(crate) fn name(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap();
    let parts: Vec<_> = relative.iter().map(|part| part.to_str().unwrap()).collect();
    parts.join("/")
}
