//! From nothing to the first picture, with and without the pipelines of a run before.

use std::{
    io::{Error, Result},
    process::Command,
    time::Instant,
};

use storm_benches::Comparison;
use storm_render::{
    Extractor, Gpu, GpuDesc, ImageTarget, Quality, Renderer, RendererDesc, Scene, View,
};

use crate::{storm_frames::boxes, world};

/// Says that this process makes one picture.
pub(crate) const CHILD: &str = "--first-picture";

pub(crate) fn run(comparison: &mut Comparison) -> Result<()> {
    for (name, quality) in [
        ("first picture, CPU quality", "cpu"),
        ("first picture, high quality", "high"),
    ] {
        if !comparison.wants(name) {
            continue;
        }
        let file = std::env::temp_dir().join(format!("storm-pipelines-{}", std::process::id()));
        let file = file.to_string_lossy().into_owned();
        let rounds = if comparison.is_quick() { 3 } else { 7 };
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            // What is not there is written.
            let _ = std::fs::remove_file(&file);
            without.push(measure(&file, quality)?);
            with.push(measure(&file, quality)?);
        }
        let _ = std::fs::remove_file(&file);
        let median = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        let values = [
            ("storm, no cache", median(without)),
            ("storm, cache", median(with)),
        ];
        comparison.times(name, "wall", &values, None);
    }
    Ok(())
}

fn measure(file: &str, quality: &str) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args([CHILD, file, quality])
        // Mesa keeps shaders by itself, which would hide what ours does.
        .env("MESA_SHADER_CACHE_DISABLE", "true")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let time = text.lines().find_map(|line| line.strip_prefix("time "));
    time.and_then(|time| time.parse().ok())
        .ok_or_else(|| Error::other(String::from_utf8_lossy(&output.stderr)))
}

#[allow(clippy::print_stdout, reason = "the parent process reads it")]
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let [file, quality] = arguments else {
        return Err(Error::other("a file and a quality"));
    };
    let start = Instant::now();
    let gpu = draw(file, quality).map_err(|error| Error::other(error.to_string()))?;
    println!("time {}", start.elapsed().as_nanos());
    if let Some(bytes) = gpu.pipeline_cache().ok().filter(|bytes| !bytes.is_empty()) {
        std::fs::write(file, bytes)?;
    }
    Ok(())
}

fn draw(file: &str, quality: &str) -> std::result::Result<Gpu, Box<dyn std::error::Error>> {
    let desc = GpuDesc {
        pipeline_cache: std::fs::read(file).unwrap_or_default(),
        ..GpuDesc::default()
    };
    let gpu = Gpu::headless(&desc)?;
    let quality = if quality == "high" {
        Quality::HIGH
    } else {
        Quality::CPU
    };
    let desc = RendererDesc {
        multisampling: quality == Quality::CPU,
        quality,
        ..RendererDesc::default()
    };
    let mut renderer = Renderer::new(&gpu, &desc)?;
    let mut scene = Scene::new(&gpu)?;
    let (mut world, library) = boxes(1000);
    storm_ecs::scene::Propagation::new().run(&mut world);
    Extractor::new().extract(&world, &library, &mut scene)?;
    let mut target = ImageTarget::new(&gpu, world::SIZE.0, world::SIZE.1)?;
    renderer.render(&mut scene, &View::default(), &mut target)?;
    target.read()?;
    Ok(gpu)
}
