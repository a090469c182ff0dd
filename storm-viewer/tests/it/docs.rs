//! The documents name paths that exist.

use std::{fs, path::Path};

/// What stands between backticks on one line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a quotation is meant as a path from the root of the repository.
fn is_path(quotation: &str) -> bool {
    let known = ["storm-", "docs/", "benches/", "fuzz/", "tests/", ".ci/"];
    quotation.contains('/')
        && known.iter().any(|start| quotation.starts_with(start))
        && quotation
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

#[test]
fn every_path_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut documents: Vec<_> = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    documents.push(root.join("README.md"));
    documents.sort();
    let mut checked = 0;
    let mut missing = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for path in quoted(&text).filter(|quotation| is_path(quotation)) {
            checked += 1;
            if !root.join(path).exists() {
                missing.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(
        checked >= 15,
        "only {checked} paths were found: are they still between backticks?"
    );
}
