//! The panel: what a frame took, and what can be tuned while it is looked at. Knows egui, and no window system: it gives
//! meshes to the scene and actions to whoever asked.

use std::ops::RangeInclusive;

use clap::ValueEnum;
use egui::{Align2, ComboBox, Context, Grid, ImageData, RawInput, Slider, TextureId, Ui};
use storm_render::{
    FrameReport, FrameStats, GpuInfo, MemoryReport, RenderError, Scene, UiFormat, UiImage, UiMesh,
    UiRect, UiTextureId, UiVertex,
};

use crate::{
    action::Action,
    cli::{LookArgs, QualityChoice, STOPS_MAX, ShowChoice, ToneMapChoice},
    playback::{PlaybackFacts, RepeatChoice},
};

/// Points from the corner of the picture.
const MARGIN: f32 = 12.0;

/// What the panel says.
pub(crate) struct Facts {
    pub(crate) title: String,
    /// Names of the variants of the model's materials, and which is shown.
    pub(crate) variants: Vec<String>,
    pub(crate) variant: Option<usize>,
    pub(crate) device: GpuInfo,
    pub(crate) quality: QualityChoice,
    pub(crate) stats: FrameStats,
    /// From the beginning of the last frame to its submission, milliseconds.
    pub(crate) cpu_ms: f64,
    pub(crate) report: Option<FrameReport>,
    pub(crate) memory: MemoryReport,
    pub(crate) pipelines: u64,
    /// Where there are animations.
    pub(crate) playback: Option<PlaybackFacts>,
}

/// What came of a run of the panel.
pub(crate) struct Ran {
    /// What the person did with it.
    #[cfg_attr(
        not(feature = "window"),
        allow(dead_code, reason = "only windows need it")
    )]
    pub(crate) actions: Vec<Action>,
    /// For whoever has a window.
    #[cfg_attr(
        not(feature = "window"),
        allow(dead_code, reason = "only windows need it")
    )]
    pub(crate) platform: egui::PlatformOutput,
    /// Whether it moves by itself.
    #[cfg_attr(
        not(feature = "window"),
        allow(dead_code, reason = "only windows need it")
    )]
    pub(crate) moves: bool,
}

/// The panel's state between frames.
pub(crate) struct Panel {
    context: Context,
    /// Textures that go once the frame that they are in is submitted.
    unused: Vec<TextureId>,
    /// It was never run.
    new: bool,
}

impl Default for Panel {
    fn default() -> Self {
        let context = Context::default();
        // A picture shows the panel as it is, not on its way there; and what moves would be drawn for nothing.
        context.all_styles_mut(|style| style.animation_time = 0.0);
        Self {
            context,
            unused: Vec::new(),
            new: true,
        }
    }
}

impl Panel {
    #[cfg(feature = "window")]
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Runs the panel once, and has the scene draw it.
    ///
    /// # Errors
    /// When the renderer refuses what egui gives, or the device has no room left.
    pub(crate) fn run(
        &mut self,
        scene: &mut Scene,
        input: RawInput,
        look: &LookArgs,
        facts: &Facts,
    ) -> Result<Ran, RenderError> {
        for id in self.unused.drain(..) {
            scene.remove_ui_texture(texture(id));
        }
        let mut actions = Vec::new();
        let mut once = |input| {
            self.context.run_ui(input, |ui| {
                // It may run more than once a frame.
                actions.clear();
                egui::Window::new("Storm")
                    .anchor(Align2::LEFT_TOP, [MARGIN, MARGIN])
                    .resizable(false)
                    .show(ui, |ui| contents(ui, look, facts, &mut actions));
            })
        };
        let mut output = once(input.clone());
        if std::mem::take(&mut self.new) {
            // The first time it is not shown, but finds its size.
            for _ in 0..2 {
                let again = RawInput {
                    events: Vec::new(),
                    ..input.clone()
                };
                output.append(once(again));
            }
        }
        // Taken whole: what is left in there counts as forgotten.
        let set = std::mem::take(&mut output.textures_delta.set);
        self.unused = std::mem::take(&mut output.textures_delta.free)
            .into_iter()
            .collect();
        for (id, delta) in set
            .iter()
            .flat_map(|(id, deltas)| deltas.iter().map(move |d| (id, d)))
        {
            let ImageData::Color(pixels) = &delta.image;
            let [width, height] = pixels.size.map(|side| side as u32);
            let image = UiImage {
                width,
                height,
                format: UiFormat::Color,
                pixels: pixels
                    .pixels
                    .iter()
                    .flat_map(|pixel| pixel.to_array())
                    .collect(),
                smooth: delta.options.magnification == egui::TextureFilter::Linear,
            };
            match delta.pos {
                None => scene.insert_ui_texture(texture(*id), &image)?,
                Some(place) => {
                    let place = place.map(|side| side as u32);
                    scene.update_ui_texture(texture(*id), place, &image)?;
                }
            }
        }
        let scale = output.pixels_per_point;
        let primitives = self.context.tessellate(output.shapes, scale);
        let meshes: Vec<_> = primitives.into_iter().filter_map(mesh).collect();
        scene.set_ui(scale, &meshes)?;
        let moves = output
            .viewport_output
            .values()
            .any(|view| view.repaint_delay.is_zero());
        Ok(Ran {
            actions,
            platform: output.platform_output,
            moves,
        })
    }
}

/// egui's textures are its own or its user's, of whom there is none.
fn texture(id: TextureId) -> UiTextureId {
    match id {
        TextureId::Managed(number) => UiTextureId(number),
        TextureId::User(number) => UiTextureId(number | 1 << 63),
    }
}

fn mesh(primitive: egui::ClippedPrimitive) -> Option<UiMesh> {
    let egui::epaint::Primitive::Mesh(mesh) = primitive.primitive else {
        // Callbacks draw with other renderers.
        return None;
    };
    let vertex = |vertex: egui::epaint::Vertex| UiVertex {
        position: vertex.pos.into(),
        uv: vertex.uv.into(),
        color: vertex.color.to_array(),
    };
    Some(UiMesh {
        vertices: mesh.vertices.into_iter().map(vertex).collect(),
        indices: mesh.indices,
        clip: UiRect {
            min: primitive.clip_rect.min.into(),
            max: primitive.clip_rect.max.into(),
        },
        texture: texture(mesh.texture_id),
    })
}

fn contents(ui: &mut Ui, look: &LookArgs, facts: &Facts, actions: &mut Vec<Action>) {
    ui.label(&facts.title);
    ui.weak(&facts.device.name);
    ui.separator();
    figures(ui, facts);
    ui.separator();
    settings(ui, look, facts, actions);
    if let Some(playback) = &facts.playback {
        ui.separator();
        animations(ui, playback, actions);
    }
    if let Some(report) = &facts.report
        && look.pass_times
        && !report.passes.is_empty()
    {
        ui.separator();
        Grid::new("passes").show(ui, |ui| {
            for pass in &report.passes {
                row(ui, pass.name, &format!("{:.3} ms", pass.nanoseconds * 1e-6));
            }
        });
    }
}

fn row(ui: &mut Ui, name: &str, value: &str) {
    ui.label(name);
    ui.monospace(value);
    ui.end_row();
}

fn figures(ui: &mut Ui, facts: &Facts) {
    let Facts {
        stats,
        report,
        memory,
        ..
    } = facts;
    Grid::new("figures").show(ui, |ui| {
        row(ui, "frame, CPU", &format!("{:.2} ms", facts.cpu_ms));
        if let Some(report) = report
            && !report.passes.is_empty()
        {
            let sum: f64 = report.passes.iter().map(|pass| pass.nanoseconds).sum();
            row(ui, "frame, device", &format!("{:.2} ms", sum * 1e-6));
        }
        row(ui, "instances", &stats.instances.to_string());
        row(ui, "triangles", &stats.triangles.to_string());
        row(ui, "draw calls", &stats.draw_calls.to_string());
        if let Some(culled) = report.as_ref().and_then(|report| report.culling) {
            row(ui, "drawn", &culled.drawn.to_string());
        }
        row(ui, "uploaded", &format!("{} bytes", stats.uploaded_bytes));
        row(ui, "pipelines made", &facts.pipelines.to_string());
        row(
            ui,
            "device memory",
            &format!("{:.1} MiB", memory.allocated as f64 / f64::from(1 << 20)),
        );
    });
}

fn settings(ui: &mut Ui, look: &LookArgs, facts: &Facts, actions: &mut Vec<Action>) {
    let mut slider = |value: f32, range: RangeInclusive<f32>, name, make: fn(f32) -> Action| {
        let mut now = value;
        if ui.add(Slider::new(&mut now, range).text(name)).changed() {
            actions.push(make(now));
        }
    };
    let half = STOPS_MAX / 2.0;
    slider(
        look.exposure.unwrap_or(0.0),
        -half..=half,
        "exposure, stops",
        |stops| Action::Exposure { stops },
    );
    slider(look.bloom.unwrap_or(0.0), 0.0..=1.0, "bloom", |amount| {
        Action::Bloom { amount }
    });
    slider(
        look.harmony.unwrap_or(1.0),
        0.0..=1.0,
        "harmony",
        |amount| Action::Harmony { amount },
    );
    let tone_map = look.tone_map.unwrap_or(ToneMapChoice::Neutral);
    if let Some(chosen) = choose(ui, "tone map", Some(tone_map), None).flatten() {
        actions.push(Action::ToneMap(chosen));
    }
    if let Some(chosen) =
        choose::<QualityChoice>(ui, "quality", Some(facts.quality), None).flatten()
    {
        actions.push(Action::Quality(chosen));
    }
    if let Some(chosen) = choose::<ShowChoice>(ui, "show", look.show, Some("colours")) {
        actions.push(Action::Show(chosen));
    }
    if !facts.variants.is_empty() {
        let shown = facts
            .variant
            .map(|variant| facts.variants[variant].as_str());
        ComboBox::from_label("variant")
            .selected_text(shown.unwrap_or("none"))
            .show_ui(ui, |ui| {
                let names =
                    std::iter::once("none").chain(facts.variants.iter().map(String::as_str));
                for (number, name) in (0..).zip(names) {
                    let now = facts.variant.map_or(0, |variant| variant as u32 + 1) == number;
                    if ui.selectable_label(now, name).clicked() {
                        actions.push(Action::Variant { number });
                    }
                }
            });
    }
    let mut toggle = |on: bool, name, action| {
        let mut now = on;
        if ui.checkbox(&mut now, name).changed() {
            actions.push(action);
        }
    };
    toggle(look.axes, "axes and box", Action::Axes);
    toggle(look.pass_times, "time of each pass", Action::PassTimes);
}

/// What plays, and where in it.
fn animations(ui: &mut Ui, playback: &PlaybackFacts, actions: &mut Vec<Action>) {
    let label = |number: usize| match playback.clips.get(number) {
        Some((name, _)) if !name.is_empty() => name.clone(),
        _ => number.to_string(),
    };
    let shown = playback.clip.map_or_else(|| "–".to_owned(), label);
    ComboBox::from_label("animation")
        .selected_text(shown)
        .show_ui(ui, |ui| {
            let none = playback.clip.is_none();
            if ui.selectable_label(none, "none").clicked() {
                actions.push(Action::Clip { number: None });
            }
            for number in 0..playback.clips.len() {
                let chosen = playback.clip == Some(number);
                if ui.selectable_label(chosen, label(number)).clicked() {
                    let number = Some(number);
                    actions.push(Action::Clip { number });
                }
            }
        });
    let length = playback.clip.map_or(0.0, |clip| playback.clips[clip].1);
    let mut seconds = playback.seconds;
    let scrub = Slider::new(&mut seconds, 0.0..=length.max(1e-3)).text("seconds");
    if ui.add(scrub).changed() {
        actions.push(Action::Seek { seconds });
    }
    let mut factor = playback.speed;
    if ui
        .add(Slider::new(&mut factor, -2.0..=2.0).text("speed"))
        .changed()
    {
        actions.push(Action::Speed { factor });
    }
    if let Some(chosen) =
        choose::<RepeatChoice>(ui, "at its end", Some(playback.repeat), None).flatten()
    {
        actions.push(Action::Repeat(chosen));
    }
    let mut plays = !playback.is_paused && playback.clip.is_some();
    if ui.checkbox(&mut plays, "play").changed() {
        actions.push(Action::Play);
    }
}

/// One of the choices that options have, or none of them where that has a name. `Some` is what was just chosen.
fn choose<T: ValueEnum + PartialEq>(
    ui: &mut Ui,
    name: &str,
    now: Option<T>,
    none: Option<&str>,
) -> Option<Option<T>> {
    let word = |choice: &T| {
        let value = choice.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    let shown = now
        .as_ref()
        .map_or_else(|| none.unwrap_or_default().to_owned(), word);
    let mut chosen = None;
    ComboBox::from_label(name)
        .selected_text(shown)
        .show_ui(ui, |ui| {
            if let Some(none) = none
                && ui.selectable_label(now.is_none(), none).clicked()
            {
                chosen = Some(None);
            }
            for choice in T::value_variants() {
                if ui
                    .selectable_label(now.as_ref() == Some(choice), word(choice))
                    .clicked()
                {
                    chosen = Some(Some(choice.clone()));
                }
            }
        });
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use egui::{Event, Modifiers, PointerButton, Pos2, Rect};
    use storm_render::{Gpu, GpuDesc};

    use super::*;

    /// Clicks all over the panel, some pixels apart: all that can be set is set by an action, and by nothing else.
    #[test]
    fn clicks_become_actions() {
        let gpu = Gpu::headless(&GpuDesc::default()).unwrap();
        let mut scene = Scene::new(&gpu).unwrap();
        let mut panel = Panel::default();
        let look = LookArgs::default();
        let facts = Facts {
            title: "clicked".to_owned(),
            variants: vec!["oak".to_owned(), "ash".to_owned()],
            variant: Some(1),
            device: gpu.info(),
            quality: QualityChoice::Cpu,
            stats: FrameStats::default(),
            cpu_ms: 1.0,
            report: None,
            memory: gpu.memory(),
            pipelines: 0,
            playback: Some(PlaybackFacts {
                clips: vec![("walk".to_owned(), 2.0), (String::new(), 1.0)],
                clip: Some(0),
                seconds: 0.5,
                is_paused: false,
                speed: 1.0,
                repeat: RepeatChoice::Loop,
            }),
        };
        let mut time = 0.0;
        let mut run = |events: Vec<Event>| {
            time += 0.05;
            let input = RawInput {
                screen_rect: Some(Rect::from_min_size(Pos2::ZERO, [800.0, 720.0].into())),
                time: Some(time),
                events,
                ..RawInput::default()
            };
            panel.run(&mut scene, input, &look, &facts).unwrap().actions
        };
        assert!(run(Vec::new()).is_empty(), "nothing is done by itself");
        let mut seen = BTreeSet::new();
        let mut click = |x: f32, y: f32| {
            let pos = Pos2::new(x, y);
            let button = |pressed| Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::default(),
            };
            let steps = [
                vec![Event::PointerMoved(pos)],
                vec![button(true)],
                vec![button(false)],
                Vec::new(),
                Vec::new(),
            ];
            for action in steps.into_iter().flat_map(&mut run) {
                let text = format!("{action:?}");
                let name = text.split(['(', ' ']).next().unwrap_or_default();
                seen.insert(name.to_owned());
            }
        };
        for y in (20..680).step_by(6).map(|y| y as f32) {
            for x in [26.0, 40.0, 60.0, 100.0] {
                click(x, y);
            }
            // Where a list has opened, what it holds is below it.
            for below in [26.0, 44.0] {
                click(100.0, y);
                click(60.0, y + below);
            }
        }
        for name in [
            "Axes",
            "Bloom",
            "Clip",
            "Exposure",
            "Harmony",
            "PassTimes",
            "Play",
            "Quality",
            "Repeat",
            "Seek",
            "Show",
            "Speed",
            "ToneMap",
            "Variant",
        ] {
            assert!(seen.contains(name), "{name} is not among {seen:?}");
        }
    }
}
