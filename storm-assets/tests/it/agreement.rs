//! Validation against the Khronos validator's own reports: code, severity and place of every issue, file by file.

use std::{collections::BTreeSet, fmt::Write, fs};

use storm_assets::gltf::validate::{self, Place, Severity, ValidateOptions};

use super::corpus;

/// Files whose report differs, each with the reason.
const DIFFERENT: &[&str] = &[
    // Numbers that 64 bits cannot hold: no JSON here, infinite there.
    "base/data/camera/infinite_znear.gltf",
    "base/data/node/infinite_transform.gltf",
    // No bytes at all: only the name of the file says that it was to be a container.
    "base/data/glb/empty_file.glb",
];

/// An issue as both sides can say it; alike ones are numbered, so that each counts.
type Found = BTreeSet<(String, u64, String, usize)>;

fn numbered(issues: impl Iterator<Item = (String, u64, String)>) -> Found {
    let mut found = Found::new();
    for (code, severity, place) in issues {
        let mut number = 0;
        while !found.insert((code.clone(), severity, place.clone(), number)) {
            number += 1;
        }
    }
    found
}

#[test]
fn reports_agree_with_the_khronos_validator() {
    let Some(root) = corpus::assets("reports_agree_with_the_khronos_validator") else {
        return;
    };
    let root = root.join("gltf-validator/test");
    let mut table = String::new();
    let mut different = BTreeSet::new();
    let (mut files, mut expected_all, mut shared_all) = (0, 0, 0);
    for path in corpus::models(&root) {
        let name = corpus::name(&root, &path);
        let report = fs::read(format!("{}.report.json", path.display())).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let expected = numbered(
            report["issues"]["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|issue| {
                    let place = match &issue["pointer"] {
                        serde_json::Value::String(pointer) => pointer.clone(),
                        _ => format!("byte {}", issue["offset"]),
                    };
                    (
                        issue["code"].as_str().unwrap().to_owned(),
                        issue["severity"].as_u64().unwrap(),
                        place,
                    )
                }),
        );
        let found = validate::validate_file(&path, &ValidateOptions::default()).unwrap();
        assert!(!found.truncated, "{name}");
        let found = numbered(found.issues.into_iter().map(|issue| {
            let place = match issue.place {
                Place::Pointer(pointer) => pointer,
                Place::Offset(offset) => format!("byte {offset}"),
                _ => unreachable!(),
            };
            (issue.code.to_owned(), issue.severity as u64, place)
        }));
        files += 1;
        expected_all += expected.len();
        shared_all += expected.intersection(&found).count();
        if expected != found {
            for missed in expected.difference(&found) {
                writeln!(table, "{name}: missed {missed:?}").unwrap();
            }
            for extra in found.difference(&expected) {
                writeln!(table, "{name}: too much {extra:?}").unwrap();
            }
            different.insert(name);
        }
    }
    let known: BTreeSet<_> = DIFFERENT.iter().map(|name| (*name).to_owned()).collect();
    let same = files - different.len();
    assert_eq!(
        different, known,
        "{same} of {files} files agree, {shared_all} of {expected_all} issues\n{table}"
    );
    assert!(same * 100 >= files * 95, "{same} of {files} agree\n{table}");
}

#[test]
fn the_report_has_the_form_of_the_khronos_validator() {
    let report = validate::validate(
        br#"{"asset": {"version": "2.0", "generator": "hand"}, "extensionsUsed": ["ACME_fog"], "meshes": [{}]}"#,
        &mut |_| unreachable!(),
        &ValidateOptions::default(),
    )
    .unwrap();
    assert!(!report.is_valid());
    let json: serde_json::Value = serde_json::from_str(&report.to_json("a.gltf")).unwrap();
    assert_eq!(json["uri"], "a.gltf");
    assert_eq!(json["mimeType"], "model/gltf+json");
    assert_eq!(json["issues"]["numErrors"], 1);
    assert_eq!(json["issues"]["numInfos"], 2);
    assert_eq!(json["issues"]["truncated"], false);
    let first = &json["issues"]["messages"][0];
    assert_eq!(first["code"], "UNSUPPORTED_EXTENSION");
    assert_eq!(
        (&first["severity"], &first["pointer"]),
        (&2.into(), &"/extensionsUsed/0".into())
    );
    assert_eq!(json["info"]["version"], "2.0");
    assert_eq!(json["info"]["extensionsUsed"][0], "ACME_fog");
    assert_eq!(
        report.to_string(),
        "information UNSUPPORTED_EXTENSION /extensionsUsed/0: Cannot validate an extension as it is not supported by the validator: \"ACME_fog\".\n\
         error UNDEFINED_PROPERTY /meshes/0: Property 'primitives' must be defined.\n\
         information UNUSED_OBJECT /meshes/0: This object may be unused.\n\
         1 errors, 0 warnings, 2 notes, 0 hints"
    );
}

#[test]
fn broken_bytes_are_reported_and_never_panic() {
    let whole = super::fixture::triangle();
    let options = ValidateOptions::default();
    let judge = |bytes: &[u8]| {
        validate::validate(bytes, &mut |_| Err(std::io::Error::other("none")), &options)
    };
    assert_eq!(judge(&whole).unwrap().count(Severity::Error), 0);
    for end in 0..whole.len() {
        assert!(!judge(&whole[..end]).unwrap().is_valid(), "{end}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let _ = judge(&bytes);
        }
    }
    // Every value of a file with much in it becomes one of another type.
    let text = super::fixture::TRIANGLE;
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut pointers = vec![String::new()];
    let mut at = 0;
    while at < pointers.len() {
        let value = json.pointer(&pointers[at]).unwrap();
        let keys: Vec<_> = match value {
            serde_json::Value::Object(map) => map.keys().cloned().collect(),
            serde_json::Value::Array(list) => (0..list.len()).map(|i| i.to_string()).collect(),
            _ => Vec::new(),
        };
        let under = keys.iter().map(|key| format!("{}/{key}", pointers[at]));
        let under: Vec<_> = under.collect();
        pointers.extend(under);
        at += 1;
    }
    for pointer in &pointers {
        for value in [
            "null",
            "true",
            "-1",
            "1e300",
            "\"x\"",
            "[]",
            "{}",
            "[[]]",
            "4294967296",
        ] {
            let mut json = json.clone();
            *json.pointer_mut(pointer).unwrap() = serde_json::from_str(value).unwrap();
            let _ = judge(json.to_string().as_bytes()).unwrap();
        }
    }
}
