//! `bench`: replays a camera path over a model or a generated scene, and writes what each frame took.
//!
//! The same arguments draw the same frames. Each frame is waited for before the next begins, so a frame's time is its own.

#[cfg(feature = "clusters")]
mod build;
mod path;
mod report;
mod stress;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use storm_assets::{Handle, Material, Mesh};
use storm_render::{
    FrameReport, FrameStats, Gpu, ImageTarget, Instance, InstanceTransform, Quality, Renderer,
    RendererDesc, Scene, View,
};

pub(crate) use self::stress::Count;
use self::{
    path::CameraPath,
    report::{FrameLine, Report, round},
    stress::Stress,
};
use crate::{
    cli::{BenchArgs, LookArgs},
    content::Content,
    error::ViewerError,
    output,
    pipelines::PipelineCache,
    png, render,
    stage::{self, Stage},
};

/// What is drawn.
enum Subject {
    Model(Box<Stage>),
    Generated(Box<Generated>),
}

/// A generated scene on a device.
struct Generated {
    scene: Scene,
    renderer: Renderer,
    look: LookArgs,
}

impl Subject {
    fn draw(&mut self, view: &View, target: &mut ImageTarget) -> Result<FrameStats, ViewerError> {
        match self {
            // Time stands still: what is measured is the path.
            Self::Model(stage) => stage.draw(0.0, view, target),
            Self::Generated(it) => {
                let view = it.look.apply(view);
                Ok(it.renderer.render(&mut it.scene, &view, target)?)
            }
        }
    }

    fn report(&self) -> Result<Option<FrameReport>, ViewerError> {
        Ok(match self {
            Self::Model(stage) => stage.frame_report()?,
            Self::Generated(it) => it.renderer.report()?,
        })
    }
}

/// Replays a path and writes what it took.
pub(crate) fn run(args: &BenchArgs) -> Result<(), ViewerError> {
    let outputs = Outputs::new(args)?;
    let path = args.camera_path.as_deref().map(CameraPath::read);
    let path = path.transpose()?;
    let size = args.size;
    let pipelines = PipelineCache::from_env();
    let began = Instant::now();
    let mut look = args.look;
    look.pass_times = true;
    let (gpu, mut report, mut subject, bounds);
    if let Some(file) = &args.file {
        let mut content = Content::load(file, args.scene)?;
        args.sky.apply(&mut content)?;
        bounds = content.bounds();
        #[cfg(feature = "clusters")]
        let built = Instant::now();
        let mut detail = "full detail";
        #[cfg(feature = "clusters")]
        if clustered(args) && content.build_clusters().0 > 0 {
            detail = "clusters";
        }
        gpu = Gpu::headless(&pipelines.fill(args.gpu.desc()))?;
        report = Report {
            scene: content.title.clone(),
            detail,
            #[cfg(feature = "clusters")]
            build_ms: ms(built),
            ..Report::default()
        };
        let mut stage = Stage::new(&gpu, content, 1, look)?;
        stage.set_quality(quality(args, &gpu));
        subject = Subject::Model(Box::new(stage));
    } else {
        let wrong = |reason| ViewerError::Stress { reason };
        let stress = Stress::new(args.triangles, args.instances, args.unique).map_err(wrong)?;
        bounds = stress.bounds();
        gpu = Gpu::headless(&pipelines.fill(args.gpu.desc()))?;
        report = Report {
            scene: "generated".into(),
            instances: u64::from(stress.instances),
            source_triangles: stress.triangles(),
            unique_triangles: stress.unique_triangles(),
            ..Report::default()
        };
        let generated = Generated::new(&gpu, &stress, args, &mut report)?;
        subject = Subject::Generated(Box::new(generated));
    }
    render::check_memory(&gpu.info(), size, 1)?;
    let mut target = ImageTarget::new(&gpu, size.width, size.height)?;
    report.load_ms = ms(began) - report.build_ms;

    let path = path.unwrap_or_else(|| CameraPath::around(bounds));
    let frames = args.frames.get();
    let mut lines = Vec::new();
    // The first view is drawn until everything is there that is made once: uploads, pipelines, pages.
    let first = path.views(1).next().expect("a path has a first view");
    let mut stats = FrameStats::default();
    for warm_up in 0..=args.warm_up {
        let began = Instant::now();
        stats = subject.draw(&first, &mut target)?;
        gpu.wait_idle()?;
        if warm_up == 0 {
            report.first_frame_ms = round(ms(began));
        }
    }
    let mut streamed = 0;
    for view in path.views(frames) {
        let began = Instant::now();
        stats = subject.draw(&view, &mut target)?;
        gpu.wait_idle()?;
        let ms = ms(began);
        let mut line = line(ms, &stats, subject.report()?);
        if let Subject::Generated(it) = &subject
            && let Some(streaming) = it.scene.cluster_streaming()
        {
            line.bytes_streamed = Some(streaming.uploaded_bytes - streamed);
            line.bytes_resident = Some(streaming.resident_bytes);
            streamed = streaming.uploaded_bytes;
        }
        lines.push(line);
    }
    if report.source_triangles == 0 {
        (report.source_triangles, report.instances) = (stats.triangles, stats.instances);
        report.unique_triangles = report.source_triangles;
    }
    for line in &mut lines {
        line.triangles_in = report.source_triangles;
    }
    let info = gpu.info();
    (report.device, report.driver, report.software) = (info.name, info.driver, info.software);
    (report.width, report.height) = (size.width, size.height);
    report.memory_bytes = gpu.memory().allocated;
    if let Subject::Generated(it) = &subject {
        report.page_bytes = it.scene.cluster_bytes();
        report.budget_bytes = it.scene.cluster_streaming().map(|s| s.budget);
    }
    let report = report.summed(lines);
    pipelines.keep(&gpu);
    stage::check_validation(&gpu)?;
    outputs.write(&report, &target)
}

impl Generated {
    fn new(
        gpu: &Gpu,
        stress: &Stress,
        args: &BenchArgs,
        report: &mut Report,
    ) -> Result<Self, ViewerError> {
        let mut scene = Scene::new(gpu)?;
        let mut renderer = Renderer::new(
            gpu,
            &RendererDesc {
                multisampling: false,
                quality: quality(args, gpu),
                ..RendererDesc::default()
            },
        )?;
        renderer.set_timings(true);
        if clustered(args) {
            report.detail = "clusters";
            #[cfg(feature = "clusters")]
            {
                if let Some(Count(budget)) = args.budget {
                    scene.set_cluster_budget(Some(budget), FRAME_BYTES)?;
                }
                build::insert_all(&mut scene, stress, args.cache.as_deref(), report)?;
            }
        } else {
            report.detail = "full detail";
            for number in 0..stress.meshes {
                scene.insert_mesh(handle(number), &stress.mesh(number))?;
            }
        }
        for (number, color) in COLORS.into_iter().enumerate() {
            let material = Material::matte("stone", color, 0.55 + 0.04 * number as f32);
            scene.insert_material(material_handle(number), &material)?;
        }
        for instance in 0..stress.instances {
            scene.add(&Instance {
                mesh: handle(stress.mesh_of(instance)),
                material: material_handle(instance as usize % COLORS.len()),
                transform: InstanceTransform::from_mat4(stress.place(instance)),
            })?;
        }
        let (ground, material) = (Handle::of("bench", "ground"), Handle::of("bench", "sand"));
        scene.insert_mesh(ground, &plane(stress.bounds().radius() * 4.0))?;
        scene.insert_material(material, &Material::matte("sand", [0.42, 0.38, 0.3], 0.9))?;
        scene.add(&Instance {
            mesh: ground,
            material,
            transform: InstanceTransform::IDENTITY,
        })?;
        Ok(Self {
            scene,
            renderer,
            look: args.look,
        })
    }
}

/// Whether shapes are built into clusters.
fn clustered(args: &BenchArgs) -> bool {
    cfg!(feature = "clusters") && !args.full_detail
}

/// What a picture is worth.
fn quality(args: &BenchArgs, gpu: &Gpu) -> Quality {
    let mut quality = args.look.quality(&gpu.info());
    quality.level_error_pixels = args.error.unwrap_or(quality.level_error_pixels);
    quality.cluster_raster = args.raster.unwrap_or(quality.cluster_raster);
    quality
}

fn handle(number: u32) -> Handle<Mesh> {
    Handle::of("bench", &format!("shape/{number}"))
}

fn material_handle(number: usize) -> Handle<Material> {
    Handle::of("bench", &format!("stone/{number}"))
}

/// Bytes of pages that a frame uploads at most, where they are streamed.
const FRAME_BYTES: u64 = 8 << 20;

/// What shapes are made of.
const COLORS: [[f32; 3]; 6] = [
    [0.55, 0.52, 0.48],
    [0.48, 0.35, 0.28],
    [0.35, 0.42, 0.33],
    [0.62, 0.58, 0.5],
    [0.3, 0.33, 0.38],
    [0.58, 0.44, 0.34],
];

fn plane(reach: f32) -> Mesh {
    Mesh {
        name: "ground".into(),
        positions: [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(x, z)| [x * reach, 0.0, z * reach])
            .to_vec(),
        normals: vec![[0.0, 1.0, 0.0]; 4],
        indices: vec![0, 2, 1, 0, 3, 2],
        ..Mesh::default()
    }
}

fn line(ms: f64, stats: &FrameStats, report: Option<FrameReport>) -> FrameLine {
    let passes = report.as_ref().map_or(&[][..], |report| &report.passes);
    let passes: Vec<_> = passes
        .iter()
        .map(|pass| (pass.name, pass.nanoseconds * 1e-6))
        .collect();
    let clusters = report.as_ref().and_then(|report| report.clusters);
    FrameLine {
        groups_tested: clusters.map(|c| u64::from(c.groups)),
        clusters_drawn: clusters.map(|c| u64::from(c.large) + u64::from(c.small)),
        clusters_small: clusters.map(|c| u64::from(c.small)),
        triangles_drawn: clusters.map(|c| u64::from(c.triangles)),
        left_out: clusters.map(|c| u64::from(c.left_out)),
        ms: round(ms),
        gpu_ms: round(passes.iter().map(|(_, ms)| ms).sum()),
        uploaded_bytes: stats.uploaded_bytes,
        passes,
        ..FrameLine::default()
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Files that a run writes.
struct Outputs {
    json: Option<PathBuf>,
    picture: Option<PathBuf>,
}

impl Outputs {
    /// Checks where they go before anything is measured.
    fn new(args: &BenchArgs) -> Result<Self, ViewerError> {
        if let Some(json) = &args.out {
            let wrong = |reason: &str| ViewerError::Output {
                path: json.clone(),
                reason: reason.to_owned(),
            };
            if json.extension().is_none_or(|extension| extension != "json") {
                return Err(wrong(
                    "the name has to end in .json; the chart lies beside it",
                ));
            }
        }
        if let Some(picture) = &args.picture {
            png::check(picture)?;
        }
        Ok(Self {
            json: args.out.clone(),
            picture: args.picture.clone(),
        })
    }

    fn write(&self, report: &Report, target: &ImageTarget) -> Result<(), ViewerError> {
        let mut rows = vec![
            format!(
                "{}, {}: {} triangles ({} unique) in {} instances, {}x{}, {}",
                report.scene,
                report.detail,
                report.source_triangles,
                report.unique_triangles,
                report.instances,
                report.width,
                report.height,
                report.device
            ),
            format!(
                "frame {:.3} ms (median), {:.3} ms (95 %), {:.3} ms (longest); passes {:.3} ms (median)",
                report.frame_ms_median,
                report.frame_ms_p95,
                report.frame_ms_max,
                report.gpu_ms_median
            ),
        ];
        let counts = [
            ("groups of clusters tested", report.groups_tested_median),
            ("clusters drawn", report.clusters_drawn_median),
            ("of these by compute", report.clusters_small_median),
            ("triangles drawn", report.triangles_drawn_median),
        ];
        for (what, count) in counts {
            if let Some(count) = count {
                rows.push(format!("{count:>12}  {what} (median)"));
            }
        }
        for pass in &report.passes {
            rows.push(format!("{:>12.3} ms  {}", pass.ms_median, pass.name));
        }
        for row in rows {
            output::stderr(&row);
        }
        if let Some(path) = &self.picture {
            png::write(path, &target.read()?)?;
            output::wrote(path, "");
        }
        match &self.json {
            Some(path) => {
                let text = serde_json::to_string_pretty(report).expect("a report is JSON");
                write_text(path, "json", &text)?;
                let chart = path.with_extension("svg");
                write_text(&chart, "svg", &report.chart())?;
                output::wrote(path, "");
                output::wrote(&chart, "");
            }
            None => output::json(report)?,
        }
        Ok(())
    }
}

fn write_text(path: &Path, extension: &str, text: &str) -> Result<(), ViewerError> {
    png::write_whole(path, &[extension], |mut file| {
        std::io::Write::write_all(&mut file, text.as_bytes())
    })
}
