//! Where pictures go: one file, or a file a frame; PNG, or OpenEXR with radiance. What is wrong with the place is said
//! before any work is done; each file is written whole or not at all.

use std::{
    io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Instant,
};

use image::{ExtendedColorType, ImageEncoder, codecs::openexr::OpenExrEncoder};
use storm_render::{FrameStats, HdrPicture, HdrTarget, ImageTarget, View};

use crate::{
    cli::Size,
    error::ViewerError,
    png,
    render::{self, Drawn},
    stage::Stage,
};

/// How far apart frames are in time, unless someone says so.
const FRAMES_A_SECOND: f64 = 60.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Exr,
}

/// A name with the number of the frame in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    before: String,
    /// Digits at least; 0 for as many as there are.
    digits: usize,
    after: String,
}

/// Where the pictures of a run go.
#[derive(Debug)]
pub(crate) struct Capture {
    path: PathBuf,
    /// Of the name of `path`, where there is a file a frame.
    pattern: Option<Pattern>,
    format: Format,
    frames: u32,
    frames_a_second: f64,
}

impl Pattern {
    /// Reads a name: `%d` or `%04d` is the number, `%%` a percent sign. `None` where there is no number.
    fn read(name: &str) -> Result<Option<Self>, String> {
        let wrong = || Err(format!("'{name}' has a % that is neither %d, %04d nor %%"));
        let (mut parts, mut digits) = (vec![String::new()], 0);
        let mut rest = name;
        while let Some((before, after)) = rest.split_once('%') {
            parts.last_mut().expect("there is one").push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                parts.last_mut().expect("there is one").push('%');
                rest = after;
                continue;
            }
            let end = after
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(after.len());
            let (number, after) = after.split_at(end);
            let Some(after) = after.strip_prefix('d') else {
                return wrong();
            };
            digits = match (
                number,
                number.strip_prefix('0').and_then(|n| n.parse().ok()),
            ) {
                ("", _) => 0,
                (_, Some(digits @ 1..=9)) => digits,
                _ => return wrong(),
            };
            parts.push(String::new());
            rest = after;
        }
        parts.last_mut().expect("there is one").push_str(rest);
        match <[String; 2]>::try_from(parts) {
            Ok([before, after]) => Ok(Some(Self {
                before,
                digits,
                after,
            })),
            Err(parts) if parts.len() == 1 => Ok(None),
            Err(_) => Err(format!("'{name}' has more than one number")),
        }
    }

    fn name(&self, frame: u32) -> String {
        let Self {
            before,
            digits,
            after,
        } = self;
        format!("{before}{frame:0digits$}{after}")
    }
}

impl Capture {
    /// Checks where pictures are to go.
    ///
    /// # Errors
    /// When the name is wrong for what is asked, its folder is not there, or there are files in the way.
    pub(crate) fn new(
        path: &Path,
        frames: Option<NonZeroU32>,
        frames_a_second: Option<f64>,
    ) -> Result<Self, ViewerError> {
        let wrong = |reason: String| {
            Err(ViewerError::Output {
                path: path.to_owned(),
                reason,
            })
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let pattern = match Pattern::read(&name) {
            Ok(pattern) => pattern,
            // A plain file may be called anything.
            Err(_) if frames_a_second.is_none() && frames.is_none() => None,
            Err(reason) => return wrong(reason),
        };
        let in_folder = path
            .parent()
            .is_some_and(|p| p.to_string_lossy().contains("%d"));
        match (&pattern, frames) {
            (Some(_), None) => {
                return wrong(
                    "the name has a number for each frame: say how many with --frames".into(),
                );
            }
            (None, _) if in_folder => {
                return wrong("the number has to be in the file's name, not in a folder's".into());
            }
            (None, _) if frames_a_second.is_some() => {
                return wrong(
                    "--fps is for a picture a frame: the name needs a number, such as %04d".into(),
                );
            }
            _ => {}
        }
        let exr = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("exr"));
        let this = Self {
            path: path.to_owned(),
            format: if exr { Format::Exr } else { Format::Png },
            frames: frames.map_or(1, NonZeroU32::get),
            frames_a_second: frames_a_second.unwrap_or(FRAMES_A_SECOND),
            pattern,
        };
        png::check_ending(&this.file(0), &["png", "exr"])?;
        if this.pattern.is_some() {
            png::check_ending(&this.file(this.frames - 1), &["png", "exr"])?;
            let next = this.file(this.frames);
            if next.exists() {
                return wrong(format!(
                    "{} is there already: a longer sequence would be mixed with this one",
                    next.display()
                ));
            }
        }
        Ok(this)
    }

    /// Whether there is a file a frame.
    pub(crate) fn is_sequence(&self) -> bool {
        self.pattern.is_some()
    }

    /// The file of a frame.
    fn file(&self, frame: u32) -> PathBuf {
        match &self.pattern {
            Some(pattern) => self.path.with_file_name(pattern.name(frame)),
            None => self.path.clone(),
        }
    }

    /// Fails where no file of it may be one of these: the model that is shown.
    pub(crate) fn check_apart(&self, model: &Path) -> Result<(), ViewerError> {
        png::check_apart(&self.path, model)
    }

    /// Fails where the device has no memory for it.
    pub(crate) fn check_memory(
        &self,
        info: &storm_render::GpuInfo,
        size: Size,
        samples: u32,
    ) -> Result<(), ViewerError> {
        // A picture of radiance and its copy take 24 bytes a pixel more: as much as two samples.
        let more = if self.format == Format::Exr { 2 } else { 0 };
        render::check_memory(info, size, samples + more)
    }

    /// Draws all frames at their times, from 0 on, and writes them: each, or the last one.
    ///
    /// # Errors
    /// When the device fails, or a file cannot be written; then those before it stay, and the message says how many.
    pub(crate) fn run(
        &self,
        stage: &mut Stage,
        view: &View,
        size: Size,
    ) -> Result<Drawn, ViewerError> {
        let Size { width, height } = size;
        match self.format {
            Format::Png => {
                let mut target = ImageTarget::new(&stage.gpu, width, height)?;
                self.frames(stage, view, size, &mut target, |target, path| {
                    png::write(path, &target.read()?)
                })
            }
            Format::Exr => {
                let mut target = HdrTarget::new(&stage.gpu, width, height)?;
                self.frames(stage, view, size, &mut target, |target, path| {
                    write_exr(path, &target.read()?)
                })
            }
        }
    }

    fn frames<T: storm_render::Target>(
        &self,
        stage: &mut Stage,
        view: &View,
        size: Size,
        target: &mut T,
        write: impl Fn(&T, &Path) -> Result<(), ViewerError>,
    ) -> Result<Drawn, ViewerError> {
        let mut drawn = Drawn {
            stats: FrameStats::default(),
            times: Vec::new(),
        };
        for frame in 0..self.frames {
            let seconds = f64::from(frame) / self.frames_a_second;
            #[cfg(feature = "panel")]
            if stage.look().panel {
                if frame == 0 {
                    // Its figures are those of the frame before.
                    stage.draw(seconds, view, target)?;
                    stage.gpu.wait_idle()?;
                }
                render::panel(stage, size, seconds)?;
            }
            #[cfg(not(feature = "panel"))]
            let _ = size;
            let began = Instant::now();
            drawn.stats = stage.draw(seconds, view, target)?;
            stage.gpu.wait_idle()?;
            drawn.times.push(began.elapsed());
            if !self.is_sequence() && frame + 1 < self.frames {
                continue;
            }
            // A sequence is worth nothing where the device did what it must not.
            stage.check_validation()?;
            write(target, &self.file(frame)).map_err(|error| match error {
                ViewerError::Output { path, reason } if self.is_sequence() => ViewerError::Output {
                    path,
                    reason: format!("{reason}; {frame} of {} pictures are written", self.frames),
                },
                error => error,
            })?;
        }
        Ok(drawn)
    }

    /// What was written, for people.
    pub(crate) fn note(&self, size: Size) -> (PathBuf, String) {
        if !self.is_sequence() {
            return (self.path.clone(), format!(" ({size})"));
        }
        let last = self.file(self.frames - 1);
        let note = format!(
            " to {} ({} pictures of {size}, {} a second)",
            last.file_name().unwrap_or_default().to_string_lossy(),
            self.frames,
            self.frames_a_second
        );
        (self.file(0), note)
    }
}

/// Writes radiance as OpenEXR: red, green and blue in 32-bit floats.
fn write_exr(path: &Path, picture: &HdrPicture) -> Result<(), ViewerError> {
    let bytes: Vec<u8> = picture
        .pixels
        .iter()
        .flat_map(|[r, g, b, _]| [r, g, b].map(|channel| channel.to_ne_bytes()))
        .flatten()
        .collect();
    png::write_whole(path, &["exr"], |file| {
        OpenExrEncoder::new(file)
            .write_image(
                &bytes,
                picture.width,
                picture.height,
                ExtendedColorType::Rgb32F,
            )
            .map_err(|error| match error {
                image::ImageError::IoError(error) => error,
                error => io::Error::other(error),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_is() {
        for (name, names) in [
            (
                "frame_%04d.png",
                Ok(Some(["frame_0000.png", "frame_0012.png"])),
            ),
            ("%d.png", Ok(Some(["0.png", "12.png"]))),
            ("100%%_%02d.exr", Ok(Some(["100%_00.exr", "100%_12.exr"]))),
            ("%01d", Ok(Some(["0", "12"]))),
            ("picture.png", Ok(None)),
            ("50%%.png", Ok(None)),
            ("%4d.png", Err("neither")),
            ("%00d.png", Err("neither")),
            ("%010d.png", Err("neither")),
            ("%s.png", Err("neither")),
            ("50%.png", Err("neither")),
            ("%", Err("neither")),
            ("%04", Err("neither")),
            ("%d_%d.png", Err("more than one number")),
        ] {
            match (Pattern::read(name), names) {
                (Ok(found), Ok(wanted)) => {
                    let found = found.map(|pattern| [pattern.name(0), pattern.name(12)]);
                    assert_eq!(
                        found,
                        wanted.map(|names| names.map(str::to_owned)),
                        "{name}"
                    );
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }
}
