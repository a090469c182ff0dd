//! `convert --clusters`: each mesh of a model becomes a file of clusters, in a folder.

use std::path::Path;

use storm_assets::{clusters, gltf};

use crate::{
    cli::ConvertArgs,
    error::{ViewerError, one_line},
    output, progress,
};

/// A mesh that was built and written.
struct Written {
    file: String,
    mesh: String,
    triangles: u64,
    bytes: u64,
}

/// Reads, builds, writes, and says what became of it.
///
/// # Errors
/// When the model cannot be read, or the folder or a file in it cannot be written.
pub(crate) fn run(args: &ConvertArgs) -> Result<(), ViewerError> {
    let folder = args.output.as_path();
    let unwritable = |path: &Path, reason: String| ViewerError::Output {
        path: path.to_owned(),
        reason,
    };
    let title = args.file.display().to_string();
    let file = gltf::load(&args.file, &progress::load_options(&title))?;
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error.to_string()))?;
    let options = clusters::BuildOptions::default();
    let mut written = Vec::new();
    let mut left_out = Vec::new();
    for (i, group) in file.meshes.iter().enumerate() {
        for (j, primitive) in group.primitives.iter().enumerate() {
            let Some(mesh) = file.library.meshes.get(primitive.mesh) else {
                continue;
            };
            let name = format!("mesh {i} primitive {j}");
            let built = clusters::build_with_progress(mesh, &options, &mut progress::build(&name));
            let built = match built {
                Ok(built) => built,
                Err(reason) => {
                    left_out.push(one_line(&format!("{name}: {reason}")));
                    continue;
                }
            };
            let own = format!("mesh-{i}-{j}.storm-clusters");
            let path = folder.join(&own);
            clusters::save(&built, &path).map_err(|error| unwritable(&path, error.to_string()))?;
            let metadata =
                std::fs::metadata(&path).map_err(|error| unwritable(&path, error.to_string()))?;
            written.push(Written {
                file: own,
                mesh: one_line(&mesh.name),
                triangles: built.info().source_triangle_count(),
                bytes: metadata.len(),
            });
        }
    }
    say(args, &written, &left_out)
}

fn say(args: &ConvertArgs, written: &[Written], left_out: &[String]) -> Result<(), ViewerError> {
    if args.json {
        let files: Vec<serde_json::Value> = written
            .iter()
            .map(|w| {
                serde_json::json!({
                    "file": w.file,
                    "mesh": w.mesh,
                    "triangles": w.triangles,
                    "bytes": w.bytes,
                })
            })
            .collect();
        let report = serde_json::json!({
            "file": args.file.to_string_lossy(),
            "output": args.output.to_string_lossy(),
            "files": files,
            "left_out": left_out,
        });
        return Ok(output::stdout(&format!("{report:#}\n"))?);
    }
    let mut text = String::new();
    for w in written {
        text.push_str(&format!(
            "{}: {} triangles, {} bytes\n",
            w.file, w.triangles, w.bytes
        ));
    }
    for line in left_out {
        text.push_str(&format!("left out: {line}\n"));
    }
    Ok(output::stdout(&text)?)
}
