//! Validation, against the Khronos validator as npm has it.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use storm_assets::gltf::validate::{self, ValidateOptions};
use storm_benches::Comparison;

use crate::files::Files;

const PACKAGE: &str = "gltf-validator@2.0.0-dev.3.10";

/// Validates each file several times and prints the median of each, in nanoseconds. Files are read before.
const PROGRAM: &str = r#"
const { validateBytes } = require('gltf-validator');
const fs = require('fs'), path = require('path');
const { files, rounds } = JSON.parse(fs.readFileSync(0, 'utf8'));
(async () => {
    for (const file of files) {
        const bytes = new Uint8Array(fs.readFileSync(file));
        const beside = new Map();
        const options = {
            uri: path.basename(file), format: file.endsWith('.glb') ? 'glb' : 'gltf', maxIssues: 0,
            externalResourceFunction: async (uri) => {
                const at = path.join(path.dirname(file), decodeURIComponent(uri));
                if (!beside.has(at)) beside.set(at, new Uint8Array(fs.readFileSync(at)));
                return beside.get(at);
            },
        };
        const times = [];
        for (let round = -2; round < rounds; round++) {
            const start = process.hrtime.bigint();
            await validateBytes(bytes, options);
            if (round >= 0) times.push(Number(process.hrtime.bigint() - start));
        }
        times.sort((a, b) => a - b);
        console.log(times[times.length >> 1]);
    }
})();
"#;

pub(crate) fn run(comparison: &mut Comparison, files: &Files) -> std::io::Result<()> {
    if !comparison.wants("validate") {
        return Ok(());
    }
    let folder = std::env::temp_dir().join("storm-bench-validator");
    std::fs::create_dir_all(&folder)?;
    let (grid, many) = (folder.join("grid.glb"), folder.join("many.glb"));
    std::fs::write(&grid, &files.grid)?;
    std::fs::write(&many, &files.many)?;
    let rounds = if comparison.is_quick() { 5 } else { 15 };
    let peer = install(&folder);
    if let Err(why) = &peer {
        comparison.absent("gltf-validator", why);
    }
    let shared = files.models("gltf-sample-assets");
    for (name, files) in [
        ("validate 1M vertices", vec![grid]),
        ("validate 10k meshes", vec![many]),
        ("validate the shared models", shared),
    ] {
        if files.is_empty() || !comparison.wants(name) {
            continue;
        }
        let mut values = vec![("storm", storm(&files, rounds)?)];
        if peer.is_ok() {
            values.push(("gltf-validator", node(&folder, &files, rounds)?));
        }
        comparison.times(name, "wall, one thread", &values, Some(0.1));
    }
    Ok(())
}

/// The sum over files of the median time of each.
fn storm(files: &[PathBuf], rounds: usize) -> std::io::Result<f64> {
    let mut sum = 0.0;
    for path in files {
        let bytes = std::fs::read(path)?;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        let mut beside = std::collections::HashMap::new();
        let mut resolver = |request: storm_assets::gltf::Request<'_>| {
            // As the other side has it: what lies beside is read once, and copied.
            if let Some(bytes) = beside.get(request.uri) {
                return Ok(Vec::clone(bytes));
            }
            let bytes = std::fs::read(folder.join(request.uri.replace("%20", " ")))?;
            beside.insert(request.uri.to_owned(), bytes.clone());
            Ok(bytes)
        };
        let mut times = Vec::new();
        for round in 0..rounds + 2 {
            let start = std::time::Instant::now();
            let report = validate::validate(&bytes, &mut resolver, &ValidateOptions::default());
            let spent = start.elapsed();
            std::hint::black_box(&report);
            if round >= 2 {
                times.push(spent.as_nanos() as f64);
            }
        }
        times.sort_by(f64::total_cmp);
        sum += times[times.len() / 2];
    }
    Ok(sum)
}

fn install(folder: &std::path::Path) -> Result<(), String> {
    if folder.join("node_modules/gltf-validator").is_dir() {
        return Ok(());
    }
    let npm = Command::new("npm")
        .args(["install", "--silent", "--no-save", "--prefix"])
        .arg(folder)
        .arg(PACKAGE)
        .output()
        .map_err(|error| format!("npm: {error}"))?;
    match npm.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&npm.stderr).into_owned()),
    }
}

fn node(folder: &std::path::Path, files: &[PathBuf], rounds: usize) -> std::io::Result<f64> {
    let mut child = Command::new("node")
        .args(["-e", PROGRAM])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let job = serde_json::json!({ "files": files, "rounds": rounds });
    if let Some(mut input) = child.stdin.take() {
        input.write_all(job.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    if times.len() != files.len() {
        return Err(std::io::Error::other(format!(
            "node validated {} of {} files",
            times.len(),
            files.len()
        )));
    }
    Ok(times.iter().sum())
}
