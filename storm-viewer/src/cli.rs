//! The command line: what can be typed, and the checks that need nothing but the words.

use std::{fmt, num::NonZeroU32, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};

use crate::{
    action::Action, bench::Count, camera::CameraChoice, convert::Pictures, playback::AnimationArgs,
    sky::SkyArgs,
};

/// Shows, renders and describes glTF models.
#[derive(Debug, Parser)]
#[command(name = "storm-viewer", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no usable Vulkan driver or device, 4 no display.\n\
RUST_LOG=info (or debug, or storm_render=trace) says what happens meanwhile, on standard error."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build a scene, write a picture of it, and open a window where there is a display
    #[command(after_help = crate::action::help())]
    Demo(DemoArgs),
    /// Show a glTF model in a window
    #[command(after_help = crate::action::help())]
    View(ViewArgs),
    /// Write a picture of a glTF model; needs no display and no GPU
    Render(RenderArgs),
    /// Say what is in a glTF model
    Info(InfoArgs),
    /// Say what is wrong with a glTF model, in the codes of the Khronos validator; fails where there are errors
    Validate(ValidateArgs),
    /// Write a glTF model as one .glb, with its meshes and pictures in another form where asked
    Convert(ConvertArgs),
    /// Replay a camera path over a model or a generated scene, and write what each frame took
    Bench(BenchArgs),
    /// Say what the Vulkan driver and the display of this machine can do
    Doctor(DoctorArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ViewArgs {
    /// The model: .gltf or .glb
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    /// Which scene of the file, from 0 [default: the one that the file names, or the first]
    #[arg(long, value_name = "N")]
    pub(crate) scene: Option<usize>,
    /// Which variant of its materials, by name; `info` lists them [default: the materials that the file shows first]
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    #[command(flatten)]
    pub(crate) animation: AnimationArgs,
    /// Close the window after N frames
    #[arg(long, value_name = "N")]
    pub(crate) frames: Option<NonZeroU32>,
    /// Where pictures are saved [default: MODEL-1.png, MODEL-2.png, … in the current folder]
    #[arg(short, long, value_name = "PNG")]
    pub(crate) output: Option<PathBuf>,
    /// Do this after the first frame, as if by hand; may be given several times
    #[arg(long = "do", value_name = "ACTION")]
    pub(crate) actions: Vec<Action>,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RenderArgs {
    /// The model: .gltf or .glb
    pub(crate) file: PathBuf,
    /// The picture to write, .png or .exr (linear, before tone mapping); one that is there is replaced. With --frames, a name
    /// such as frame_%04d.png makes a picture a frame
    #[arg(short, long, value_name = "PICTURE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    /// Which scene of the file, from 0 [default: the one that the file names, or the first]
    #[arg(long, value_name = "N")]
    pub(crate) scene: Option<usize>,
    /// Which variant of its materials, by name; `info` lists them [default: the materials that the file shows first]
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    #[command(flatten)]
    pub(crate) animation: AnimationArgs,
    /// Draw N frames, and say on standard error how long they took
    #[arg(long, value_name = "N")]
    pub(crate) frames: Option<NonZeroU32>,
    /// Frames a second of simulated time, 0.001 to 1000, where there is a picture a frame [default: 60]
    #[arg(long, value_name = "F", value_parser = rate)]
    pub(crate) fps: Option<f64>,
    /// Say on standard output what was done, as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// The picture to write, .png or .exr (linear, before tone mapping); one that is there is replaced. With --frames, a name
    /// such as frame_%04d.png makes a picture a frame, and opens no window
    #[arg(short, long, value_name = "PICTURE", default_value = "storm-demo.png")]
    pub(crate) output: PathBuf,
    /// Open no window
    #[arg(long)]
    pub(crate) headless: bool,
    /// Which one of the scenes that can be built
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    /// Draw N frames, say on standard error how long they took, and close the window after N frames
    #[arg(long, value_name = "N")]
    pub(crate) frames: Option<NonZeroU32>,
    /// Frames a second of simulated time, 0.001 to 1000, where there is a picture a frame [default: 60]
    #[arg(long, value_name = "F", value_parser = rate)]
    pub(crate) fps: Option<f64>,
    /// Do this after the first frame in the window, as if by hand; may be given several times
    #[arg(long = "do", value_name = "ACTION")]
    pub(crate) actions: Vec<Action>,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// The model: .gltf or .glb
    pub(crate) file: PathBuf,
    /// List the materials of this variant alone, by name [default: all materials]
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ValidateArgs {
    /// The model: .gltf or .glb
    pub(crate) file: PathBuf,
    /// As JSON, in the form of the Khronos validator's reports
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    /// The model: .gltf or .glb
    pub(crate) file: PathBuf,
    /// The .glb to write; one that is there is replaced
    #[arg(short, long, value_name = "GLB")]
    pub(crate) output: PathBuf,
    /// Build each mesh into clusters instead: OUTPUT is a folder then, of one .storm-clusters a mesh
    #[cfg(feature = "clusters")]
    #[arg(long, conflicts_with_all = ["pictures", "picture_size", "quantize"])]
    pub(crate) clusters: bool,
    /// Pictures: keep (as they are), png, webp (without loss, smaller; readers need EXT_texture_webp), jpeg or jpeg:QUALITY (1 to 100)
    #[arg(long, value_name = "FORMAT", default_value = "keep")]
    pub(crate) pictures: Pictures,
    /// Halve pictures until no side is longer than this
    #[arg(long, value_name = "PIXELS")]
    pub(crate) picture_size: Option<NonZeroU32>,
    /// Store vertices in 8 and 16 bits (KHR_mesh_quantization): smaller, and positions are off by up to 1/131,000 of the mesh
    #[arg(long)]
    pub(crate) quantize: bool,
    /// Say on standard output what was done, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// The model: .gltf or .glb [default: a generated scene]
    #[arg(conflicts_with_all = ["triangles", "instances", "unique"])]
    pub(crate) file: Option<PathBuf>,
    /// Where the camera goes: JSON with keys, {"keys": [{"eye": [X, Y, Z], "target": [X, Y, Z]}, …], "yfov": DEGREES}; metres
    /// [default: once around what there is, from far to near and out again]
    #[arg(long, value_name = "FILE")]
    pub(crate) camera_path: Option<PathBuf>,
    /// Frames along the path
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) frames: NonZeroU32,
    /// Frames of the first view before, which are not counted; one more uploads everything
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) warm_up: u32,
    /// Where to write the figures, .json; a chart of them, .svg, lies beside it [default: standard output, and no chart]
    #[arg(short, long, value_name = "JSON")]
    pub(crate) out: Option<PathBuf>,
    /// Write the last frame, too
    #[arg(long, value_name = "PNG")]
    pub(crate) picture: Option<PathBuf>,
    /// Triangles of the generated scene in all its instances: 250000, 100M, 1.5G
    #[arg(long, value_name = "COUNT", default_value_t = Count(1_000_000))]
    pub(crate) triangles: Count,
    /// Instances of the generated scene
    #[arg(long, value_name = "COUNT", default_value_t = Count(100))]
    pub(crate) instances: Count,
    /// Part of the instances that have a shape of their own, above 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.25, value_parser = unique)]
    pub(crate) unique: f64,
    /// Draw at full detail, not by clusters
    #[arg(long)]
    pub(crate) full_detail: bool,
    /// Keep the clusters of the generated scene in files in this folder, and take those that are there; their pages are read
    /// from them
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["file", "full_detail"])]
    pub(crate) cache: Option<PathBuf>,
    /// Bytes that pages of clusters may take, such as 64M: they are streamed as frames ask for them [default: all of them,
    /// at once]
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["file", "full_detail"])]
    pub(crate) budget: Option<Count>,
    /// Pixels that surfaces may be off by, 0 to 64 [default: 1]
    #[arg(long, value_name = "PIXELS", value_parser = error_pixels)]
    pub(crate) error: Option<f32>,
    /// What draws the triangles of clusters: auto, hardware, mesh, compute, or split:PIXELS for compute up to so many along an
    /// edge
    #[arg(long, value_name = "PATH", value_parser = raster)]
    pub(crate) raster: Option<storm_render::ClusterRaster>,
    /// Which scene of the file, from 0 [default: the one that the file names, or the first]
    #[arg(long, value_name = "N", requires = "file")]
    pub(crate) scene: Option<usize>,
    /// Width and height in pixels, 1 to 16384 each
    #[arg(long, value_name = "WxH", default_value_t = Size { width: 1280, height: 720 })]
    pub(crate) size: Size,
    #[command(flatten)]
    pub(crate) sky: SkyArgs,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// As JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// What every picture has.
#[derive(Args, Clone, Debug)]
pub(crate) struct PictureArgs {
    /// Width and height in pixels, 1 to 16384 each
    #[arg(long, value_name = "WxH", default_value_t = Size { width: 1280, height: 720 })]
    pub(crate) size: Size,
    /// Where from: a camera's name or number in the file, orbit:YAW,PITCH,DISTANCE (degrees, degrees, radii of the
    /// model) or X,Y,Z/X,Y,Z (eye/target, metres) [default: all of the model, from its front right]
    #[arg(long, value_name = "CAMERA", allow_hyphen_values = true)]
    pub(crate) camera: Option<CameraChoice>,
    /// Samples a pixel: 4 makes edges smooth [default: 4, but 1 in a window that a CPU has to fill]
    #[arg(long, value_name = "1|4", value_parser = samples)]
    pub(crate) samples: Option<u32>,
    /// Build what is opaque and does not deform into clusters, which are drawn at the detail that the picture can show, with
    /// one sample a pixel
    #[cfg(feature = "clusters")]
    #[arg(long)]
    pub(crate) clusters: bool,
    #[command(flatten)]
    pub(crate) sky: SkyArgs,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

impl PictureArgs {
    /// Makes of content what these ask for.
    ///
    /// # Errors
    /// When the sky cannot be read.
    pub(crate) fn apply(
        &self,
        content: &mut crate::content::Content,
    ) -> Result<(), crate::error::ViewerError> {
        self.sky.apply(content)?;
        #[cfg(feature = "clusters")]
        if self.clusters {
            let (count, triangles) = content.build_clusters();
            tracing::info!(count, triangles, "meshes built into clusters");
        }
        Ok(())
    }
}

/// How the scene is made to look. Actions change it: see `look.rs`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LookArgs {
    /// How much work a picture is worth [default: cpu on a driver that draws on the CPU, else high]
    #[arg(long, value_name = "QUALITY")]
    pub(crate) quality: Option<QualityChoice>,
    /// How radiance becomes colour [default: neutral]
    #[arg(long, value_name = "OPERATOR")]
    pub(crate) tone_map: Option<ToneMapChoice>,
    /// Show how the picture is made instead of its colours
    #[arg(long, value_name = "WHAT")]
    pub(crate) show: Option<ShowChoice>,
    /// When a window shows a picture that is done [default: fifo]
    #[arg(long, value_name = "MODE")]
    pub(crate) present: Option<PresentChoice>,
    /// Say on standard error how long each pass took on the device
    #[arg(long)]
    pub(crate) pass_times: bool,
    /// Makes the picture brighter, or darker below 0, by this many doublings
    #[arg(long, value_name = "STOPS", allow_negative_numbers = true, value_parser = stops)]
    pub(crate) exposure: Option<f32>,
    /// How much of what is bright around a pixel shines into it, 0 to 1
    #[arg(long, value_name = "AMOUNT", value_parser = part)]
    pub(crate) bloom: Option<f32>,
    /// How much of their colour surfaces keep, 0 to 1
    #[arg(long, value_name = "AMOUNT", value_parser = part)]
    pub(crate) harmony: Option<f32>,
    /// Draw the axes (X red, Y green, Z blue) and the box around the model
    #[arg(long)]
    pub(crate) axes: bool,
    /// Show the panel with figures and settings
    #[cfg(feature = "panel")]
    #[arg(long = "ui")]
    pub(crate) panel: bool,
}

/// Presets of [`storm_render::Quality`].
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum QualityChoice {
    /// No shadows and nothing but what a CPU does in good time
    Cpu,
    /// Shadows, ambient occlusion, occlusion culling, temporal anti-aliasing with one sample
    High,
}

/// [`storm_render::ToneMap`].
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToneMapChoice {
    /// Clipped
    None,
    /// Khronos PBR Neutral
    Neutral,
    /// AgX
    Agx,
    /// ACES
    Aces,
}

/// [`storm_render::PresentMode`]; what a window cannot do, another takes the place of.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PresentChoice {
    /// With the screen, each in its turn
    Fifo,
    /// With the screen, the newest
    Mailbox,
    /// At once: the picture may tear
    Immediate,
}

/// [`storm_render::DebugView`].
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowChoice {
    /// Normals
    Normals,
    /// The shadow maps of the sun
    Cascades,
    /// How many lights shade a place
    Lights,
    /// A colour for each instance
    Instances,
    /// How many surfaces lie behind a pixel
    Overdraw,
    /// Which level of its mesh is drawn
    Levels,
    /// A colour for each cluster of meshes of clusters
    Clusters,
    /// What drew each cluster: green by compute, red by the rasteriser or mesh shaders
    ClusterPaths,
}

impl LookArgs {
    pub(crate) fn quality(&self, info: &storm_render::GpuInfo) -> storm_render::Quality {
        match self.quality {
            Some(QualityChoice::Cpu) => storm_render::Quality::CPU,
            Some(QualityChoice::High) => storm_render::Quality::HIGH,
            None => storm_render::Quality::for_device(info),
        }
    }

    /// When a window shows a picture.
    #[cfg(feature = "window")]
    pub(crate) fn present_mode(&self) -> storm_render::PresentMode {
        use storm_render::PresentMode;
        match self.present {
            Some(PresentChoice::Mailbox) => PresentMode::Mailbox,
            Some(PresentChoice::Immediate) => PresentMode::Immediate,
            Some(PresentChoice::Fifo) | None => PresentMode::Fifo,
        }
    }

    /// A view that looks like this.
    pub(crate) fn apply(&self, view: &storm_render::View) -> storm_render::View {
        use storm_render::{DebugView, ToneMap};
        storm_render::View {
            tone_map: match self.tone_map {
                Some(ToneMapChoice::None) => ToneMap::None,
                Some(ToneMapChoice::Neutral) => ToneMap::PbrNeutral,
                Some(ToneMapChoice::Agx) => ToneMap::AgX,
                Some(ToneMapChoice::Aces) => ToneMap::Aces,
                None => view.tone_map,
            },
            debug: match self.show {
                Some(ShowChoice::Normals) => DebugView::Normals,
                Some(ShowChoice::Cascades) => DebugView::Cascades,
                Some(ShowChoice::Lights) => DebugView::LightClusters,
                Some(ShowChoice::Instances) => DebugView::Instances,
                Some(ShowChoice::Overdraw) => DebugView::Overdraw,
                Some(ShowChoice::Levels) => DebugView::Levels,
                Some(ShowChoice::Clusters) => DebugView::Clusters,
                Some(ShowChoice::ClusterPaths) => DebugView::ClusterPaths,
                None => view.debug,
            },
            exposure: view.exposure * self.exposure.unwrap_or(0.0).exp2(),
            bloom: self.bloom.unwrap_or(view.bloom),
            ..*view
        }
    }
}

/// Which device draws, and how closely it is watched.
#[derive(Args, Clone, Debug)]
pub(crate) struct GpuArgs {
    /// Take the device whose name contains this ('doctor' lists them)
    #[arg(long, value_name = "NAME")]
    pub(crate) gpu: Option<String>,
    /// Turn the Vulkan validation layer on; any message of it is a failure
    #[arg(long)]
    pub(crate) validation: bool,
}

impl GpuArgs {
    pub(crate) fn desc(&self) -> storm_render::GpuDesc {
        storm_render::GpuDesc {
            validation: self.validation,
            device: self.gpu.clone(),
            ..storm_render::GpuDesc::default()
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let found: f64 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number"))?;
    if (0.001..=1000.0).contains(&found) {
        Ok(found)
    } else {
        Err(format!("{text} is not within 0.001 to 1000"))
    }
}

fn error_pixels(text: &str) -> Result<f32, String> {
    number(text, 0.0, 64.0)
}

fn raster(text: &str) -> Result<storm_render::ClusterRaster, String> {
    use storm_render::ClusterRaster;
    match text {
        "auto" => Ok(ClusterRaster::Auto),
        "hardware" => Ok(ClusterRaster::Hardware),
        "mesh" => Ok(ClusterRaster::Mesh),
        "compute" => Ok(ClusterRaster::Compute),
        _ => match text.strip_prefix("split:") {
            Some(pixels) => {
                let pixels = number(pixels, 0.0, 32.0)?;
                Ok(ClusterRaster::Split { pixels })
            }
            None => Err("expected auto, hardware, mesh, compute or split:PIXELS".to_owned()),
        },
    }
}

fn unique(text: &str) -> Result<f64, String> {
    let part = number(text, 0.0, 1.0)?;
    if part > 0.0 {
        Ok(f64::from(part))
    } else {
        Err("there has to be some shape".to_owned())
    }
}

fn stops(text: &str) -> Result<f32, String> {
    number(text, -STOPS_MAX, STOPS_MAX)
}

fn part(text: &str) -> Result<f32, String> {
    number(text, 0.0, 1.0)
}

fn number(text: &str, least: f32, most: f32) -> Result<f32, String> {
    let found: f32 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number"))?;
    if (least..=most).contains(&found) {
        Ok(found)
    } else {
        Err(format!("{text} is not within {least} to {most}"))
    }
}

/// Doublings of exposure, either way.
pub(crate) const STOPS_MAX: f32 = 16.0;

fn samples(text: &str) -> Result<u32, String> {
    match text {
        "1" => Ok(1),
        "4" => Ok(4),
        _ => Err("there can be 1 or 4 samples a pixel".to_owned()),
    }
}

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// 1 to 16384.
    pub width: u32,
    /// 1 to 16384.
    pub height: u32,
}

impl Size {
    /// The longest side.
    pub const SIDE_MAX: u32 = storm_assets::Image::SIDE_MAX;

    /// Width over height.
    #[must_use]
    pub fn aspect(self) -> f32 {
        self.width as f32 / self.height as f32
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (width, height) = text
            .split_once(['x', 'X', '×'])
            .ok_or_else(|| format!("'{text}' is not WIDTHxHEIGHT, such as 1280x720"))?;
        let side = |name: &str, text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            if !digits {
                return Err(format!("the {name} '{text}' is not a whole number"));
            }
            // What has too many digits to be read is too large as well.
            let side = text.parse().unwrap_or(u32::MAX);
            if (1..=Self::SIDE_MAX).contains(&side) {
                Ok(side)
            } else {
                Err(format!(
                    "the {name} {text} is not within 1 to {}",
                    Self::SIDE_MAX
                ))
            }
        };
        Ok(Self {
            width: side("width", width.trim())?,
            height: side("height", height.trim())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_a_size_is() {
        let size = |width, height| Ok(Size { width, height });
        let cases = [
            ("1280x720", size(1280, 720)),
            ("1X16384", size(1, 16384)),
            ("320×180", size(320, 180)),
            ("0x720", Err("the width 0 is not within 1 to 16384")),
            (
                "1280x16385",
                Err("the height 16385 is not within 1 to 16384"),
            ),
            (
                "99999999999999999999x1",
                Err("the width 99999999999999999999 is not within 1 to 16384"),
            ),
            ("-1x5", Err("the width '-1' is not a whole number")),
            ("1.5x5", Err("the width '1.5' is not a whole number")),
            ("x", Err("the width '' is not a whole number")),
            ("1280", Err("'1280' is not WIDTHxHEIGHT, such as 1280x720")),
            (
                "1280*720",
                Err("'1280*720' is not WIDTHxHEIGHT, such as 1280x720"),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                text.parse::<Size>(),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }
}
