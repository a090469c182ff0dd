//! `info`: what is in a file, as a table for people or as JSON for programs.

use std::{fmt::Write as _, path::Path};

use serde::Serialize;
use storm_assets::{
    Handle,
    gltf::{Gltf, LightKind, Projection},
};

use crate::{
    cli::InfoArgs,
    content::{self, Content},
    error::{ViewerError, one_line},
    output,
};

/// What `info --json` says; docs/viewer.md explains the keys.
#[derive(Serialize)]
struct Report {
    file: String,
    container: &'static str,
    version: String,
    generator: String,
    counts: Counts,
    bytes: Bytes,
    scenes: Vec<Scene>,
    default_scene: Option<usize>,
    bounds: Option<Bounds>,
    meshes: Vec<Mesh>,
    materials: Vec<Named>,
    images: Vec<Image>,
    skins: Vec<Skin>,
    animations: Vec<Animation>,
    cameras: Vec<Camera>,
    lights: Vec<Light>,
    variants: Vec<Named>,
    extensions: Extensions,
    warning_count: usize,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Counts {
    nodes: usize,
    meshes: usize,
    primitives: usize,
    vertices: u64,
    triangles: u64,
    lines: u64,
    points: u64,
    morph_targets: usize,
    materials: usize,
    textures: usize,
    images: usize,
    samplers: usize,
    skins: usize,
    animations: usize,
    cameras: usize,
    lights: usize,
    buffers: usize,
    accessors: usize,
}

#[derive(Serialize)]
struct Bytes {
    file: u64,
    buffers: u64,
    images: u64,
}

#[derive(Serialize)]
struct Scene {
    name: String,
    nodes: usize,
}

#[derive(Serialize)]
struct Bounds {
    min: [f32; 3],
    max: [f32; 3],
}

#[derive(Serialize)]
struct Mesh {
    name: String,
    primitives: usize,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
struct Image {
    index: usize,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct Skin {
    name: String,
    joints: usize,
}

#[derive(Serialize)]
struct Animation {
    name: String,
    seconds: f32,
    tracks: usize,
}

#[derive(Serialize)]
struct Camera {
    name: String,
    projection: &'static str,
}

#[derive(Serialize)]
struct Light {
    name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Extensions {
    used: Vec<String>,
    required: Vec<String>,
}

/// Reads a file and says what is in it.
pub(crate) fn run(args: &InfoArgs) -> Result<(), ViewerError> {
    let file = content::read(&args.file)?;
    let report = report(&args.file, file, args.variant.as_deref())?;
    if args.json {
        output::json(&report)?;
    } else {
        output::stdout(&table(&report))?;
    }
    Ok(())
}

fn report(path: &Path, file: Gltf, variant: Option<&str>) -> Result<Report, ViewerError> {
    let title = path.display().to_string();
    let variant = variant
        .map(|name| content::variant_named(&title, &file.variants, name))
        .transpose()?;
    let summary = file.summary;
    let skins = file
        .skins
        .iter()
        .filter_map(|skin| file.library.skins.get(*skin));
    let clips = file
        .clips
        .iter()
        .filter_map(|clip| file.library.clips.get(*clip));
    let shown = variant.map(|variant| in_variant(&file, variant));
    let materials = file
        .materials
        .iter()
        .filter(|material| shown.as_ref().is_none_or(|shown| shown.contains(material)))
        .filter_map(|material| file.library.materials.get(*material));
    let image = |index: usize| {
        let image = file
            .library
            .images
            .get(Handle::of(&file.source, &format!("image/{index}")))?;
        Some(Image {
            index,
            width: image.width(),
            height: image.height(),
        })
    };
    let mut report = Report {
        file: path.display().to_string(),
        container: if file.is_glb { "glb" } else { "gltf" },
        version: file.version.clone(),
        generator: file.generator.clone(),
        counts: Counts {
            nodes: file.nodes.len(),
            meshes: file.meshes.len(),
            primitives: summary.primitives,
            vertices: summary.vertices,
            triangles: summary.triangles,
            lines: summary.lines,
            points: summary.points,
            morph_targets: summary.morph_targets,
            materials: file.materials.len(),
            textures: summary.textures,
            images: summary.images,
            samplers: summary.samplers,
            skins: file.skins.len(),
            animations: file.clips.len(),
            cameras: file.cameras.len(),
            lights: file.lights.len(),
            buffers: summary.buffers,
            accessors: summary.accessors,
        },
        bytes: Bytes {
            file: summary.file_bytes,
            buffers: summary.buffer_bytes,
            images: summary.image_bytes,
        },
        scenes: file
            .scenes
            .iter()
            .map(|s| Scene {
                name: s.name.clone(),
                nodes: s.nodes.len(),
            })
            .collect(),
        default_scene: file.default_scene,
        bounds: None,
        meshes: file
            .meshes
            .iter()
            .map(|m| Mesh {
                name: m.name.clone(),
                primitives: m.primitives.len(),
            })
            .collect(),
        materials: materials
            .map(|material| Named {
                name: material.name.clone(),
            })
            .collect(),
        images: (0..summary.images).filter_map(image).collect(),
        skins: skins
            .map(|skin| Skin {
                name: skin.name.clone(),
                joints: skin.joints.len(),
            })
            .collect(),
        animations: clips
            .map(|clip| Animation {
                name: clip.name.clone(),
                seconds: clip.duration(),
                tracks: clip.tracks.len(),
            })
            .collect(),
        cameras: file
            .cameras
            .iter()
            .map(|camera| Camera {
                name: camera.name.clone(),
                projection: match camera.projection {
                    Projection::Perspective { .. } => "perspective",
                    Projection::Orthographic { .. } => "orthographic",
                    _ => "unknown",
                },
            })
            .collect(),
        lights: file
            .lights
            .iter()
            .map(|light| Light {
                name: light.name.clone(),
                kind: match light.kind {
                    LightKind::Directional => "directional",
                    LightKind::Point => "point",
                    LightKind::Spot { .. } => "spot",
                    _ => "unknown",
                },
            })
            .collect(),
        variants: file
            .variants
            .iter()
            .map(|name| Named { name: name.clone() })
            .collect(),
        extensions: Extensions {
            used: file.extensions_used.clone(),
            required: file.extensions_required.clone(),
        },
        warning_count: file.warning_count,
        warnings: file.warnings.iter().map(ToString::to_string).collect(),
    };
    let bounds = Content::from_gltf(path, file, None, None).bounds();
    if !bounds.is_empty() {
        report.bounds = Some(Bounds {
            min: bounds.min.into(),
            max: bounds.max.into(),
        });
    }
    Ok(report)
}

/// The materials that a file's meshes have in a variant.
fn in_variant(file: &Gltf, variant: usize) -> Vec<Handle<storm_assets::Material>> {
    let of = |group: &storm_assets::gltf::MeshGroup, number: usize| {
        let mut variants = group.variants.iter();
        variants
            .find(|other| other.primitive == number && other.variant == variant)
            .map_or(group.primitives[number].material, |other| other.material)
    };
    let groups = file.meshes.iter();
    groups
        .flat_map(|group| (0..group.primitives.len()).map(move |number| of(group, number)))
        .collect()
}

/// Rows that a person would skip over are cut at this many.
const ROWS_MAX: usize = 12;

fn table(report: &Report) -> String {
    let Report { counts, bytes, .. } = report;
    let mut text = String::new();
    let mut row = |what: &str, value: String| {
        let _ = writeln!(text, "{what:<12} {}", one_line(&value));
    };
    row("file", report.file.clone());
    row(
        "format",
        format!("glTF {} ({})", report.version, report.container),
    );
    if !report.generator.is_empty() {
        row("made by", report.generator.clone());
    }
    row(
        "size",
        format!(
            "{} (buffers {}, decoded pictures {})",
            size(bytes.file),
            size(bytes.buffers),
            size(bytes.images)
        ),
    );
    row(
        "scenes",
        match report.default_scene {
            Some(scene) => format!("{}, of which {scene} is shown first", report.scenes.len()),
            None => report.scenes.len().to_string(),
        },
    );
    row("nodes", counts.nodes.to_string());
    row(
        "meshes",
        format!("{} with {} primitives", counts.meshes, counts.primitives),
    );
    row("vertices", counts.vertices.to_string());
    row("triangles", counts.triangles.to_string());
    if counts.lines + counts.points > 0 {
        row(
            "other",
            format!("{} lines, {} points", counts.lines, counts.points),
        );
    }
    if counts.morph_targets > 0 {
        row("morphs", format!("{} targets", counts.morph_targets));
    }
    let mut list = |what: &str, count: usize, items: Vec<String>| {
        row(what, count.to_string());
        let more = items.len().saturating_sub(ROWS_MAX);
        for item in items.into_iter().take(ROWS_MAX) {
            row("", item);
        }
        if more > 0 {
            row("", format!("… and {more} more; --json lists all"));
        }
    };
    let or_index = |index: usize, name: &str| {
        if name.is_empty() {
            format!("#{index}")
        } else {
            format!("#{index} {name}")
        }
    };
    list(
        "materials",
        counts.materials,
        numbered(&report.materials, |i, material| or_index(i, &material.name)),
    );
    let images = report
        .images
        .iter()
        .map(|image| format!("#{} {}x{}", image.index, image.width, image.height));
    list("textures", counts.textures, Vec::new());
    list("pictures", counts.images, images.collect());
    let skins = numbered(&report.skins, |i, skin| {
        format!("{}: {} joints", or_index(i, &skin.name), skin.joints)
    });
    list("skins", counts.skins, skins);
    let animations = numbered(&report.animations, |i, animation| {
        format!(
            "{}: {:.2} s, {} tracks",
            or_index(i, &animation.name),
            animation.seconds,
            animation.tracks
        )
    });
    list("animations", counts.animations, animations);
    let cameras = numbered(&report.cameras, |i, camera| {
        format!("{}: {}", or_index(i, &camera.name), camera.projection)
    });
    list("cameras", counts.cameras, cameras);
    list(
        "lights",
        counts.lights,
        numbered(&report.lights, |i, light| {
            format!("{}: {}", or_index(i, &light.name), light.kind)
        }),
    );
    let variants = numbered(&report.variants, |i, variant| or_index(i, &variant.name));
    list("variants", variants.len(), variants);
    let Extensions { used, required } = &report.extensions;
    let marked = used.iter().map(|name| {
        if required.contains(name) {
            format!("{name} (required)")
        } else {
            name.clone()
        }
    });
    list("extensions", used.len(), marked.collect());
    match &report.bounds {
        Some(Bounds { min, max }) => {
            let sides: Vec<_> = (0..3)
                .map(|axis| format!("{:.4}", max[axis] - min[axis]))
                .collect();
            row("bounds", format!("{min:?} to {max:?}"));
            row("", format!("{} m", sides.join(" x ")));
        }
        None => row("bounds", "nothing is visible".to_owned()),
    }
    row("warnings", report.warning_count.to_string());
    for warning in &report.warnings {
        row("", warning.clone());
    }
    if report.warnings.len() < report.warning_count {
        row("", "… and more of them".to_owned());
    }
    text
}

fn numbered<T>(items: &[T], line: impl Fn(usize, &T) -> String) -> Vec<String> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| line(index, item))
        .collect()
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000_000..=9_999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (9_999, "9999 B"),
            (10_000, "10.0 kB"),
            (25_000_000, "25.0 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
