//! Why a command failed: one line that names the file and what is wrong, and the exit code that goes with it.

use std::{io, path::PathBuf};

use storm_assets::{
    gltf::{GltfError, WriteError},
    hdr::HdrError,
};
use storm_render::RenderError;

/// Exit codes of the program, beside 0 for success and 2, which clap gives for wrong usage.
pub mod exit {
    /// The operation failed.
    pub const FAILED: u8 = 1;
    /// There is no Vulkan loader, driver or device that can be used.
    pub const NO_GPU: u8 = 3;
    /// There is no display to open a window on.
    pub const NO_DISPLAY: u8 = 4;
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewerError {
    /// A model cannot be read.
    #[error("{0}")]
    Model(#[from] GltfError),
    /// A picture of a sky cannot be read.
    #[error("{}: {source}", path.display())]
    Sky {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: HdrError,
    },
    /// What is in a file cannot be drawn.
    #[error("{title}: {source}")]
    Scene {
        /// The file, or what else is drawn.
        title: String,
        /// What the renderer refused.
        source: RenderError,
    },
    /// What was read cannot be written.
    #[error("{title}: cannot be converted: {source}")]
    Convert {
        /// The file.
        title: String,
        /// What is in the way.
        source: WriteError,
    },
    /// There is a file, but not the part of it that was asked for.
    #[error("{file}: no {what} {wanted}; {offer}")]
    NoSuchPart {
        /// The file.
        file: String,
        /// What kind of part.
        what: &'static str,
        /// What was asked for.
        wanted: String,
        /// What there is instead.
        offer: String,
    },
    /// A camera path cannot be read.
    #[error("{}: {reason}", path.display())]
    CameraPath {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A scene that cannot be generated was asked for.
    #[error("{reason}")]
    Stress {
        /// What is too much or too little.
        reason: String,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {reason}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A picture would take more memory than the device has.
    #[error(
        "a picture of {width}x{height} with {samples} samples a pixel takes {} MiB, and {device} can give {} MiB",
        needed >> 20,
        memory >> 20
    )]
    PictureTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Samples a pixel.
        samples: u32,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that there are.
        memory: u64,
        /// The device.
        device: String,
    },
    /// The device cannot be had, or was lost.
    #[error(transparent)]
    Gpu(RenderError),
    /// The validation layer found mistakes in what the renderer did.
    #[error("the validation layer has {count} messages; the first: {first}")]
    Validation {
        /// How many.
        count: u32,
        /// The first of them, on one line.
        first: String,
    },
    /// A file has errors; `validate` has said which.
    #[error("{file} has {errors} error(s)")]
    NotValid {
        /// Its name.
        file: String,
        /// How many.
        errors: usize,
    },
    /// There is no display, or it cannot be reached.
    #[error("no display to open a window on: {0}; 'render' needs none")]
    NoDisplay(String),
    /// The window system failed.
    #[error("the window failed: {0}")]
    Window(String),
    /// No device can be used; `doctor` has said why.
    #[error("no usable Vulkan device on this machine; './storm doctor' says what to install")]
    NothingUsable,
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Stdout(#[from] io::Error),
}

impl From<RenderError> for ViewerError {
    fn from(error: RenderError) -> Self {
        Self::Gpu(error)
    }
}

impl ViewerError {
    /// The exit code that says this to a program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Gpu(
                RenderError::NoLoader(_)
                | RenderError::NoDriver
                | RenderError::NoDevice(_)
                | RenderError::NoSuchDevice { .. },
            ) => exit::NO_GPU,
            Self::NoDisplay(_) => exit::NO_DISPLAY,
            _ => exit::FAILED,
        }
    }

    /// The message with what mends it, on one line, without control characters.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = one_line(&self.to_string());
        // Where the name is wrong, the devices that there are have been named: nothing is to be installed.
        let misnamed = matches!(self, Self::Gpu(RenderError::NoSuchDevice { .. }));
        if self.exit_code() == exit::NO_GPU && !misnamed {
            line.push_str("; './storm doctor' says what to install");
        }
        line
    }
}

/// The text with control characters, and so line ends, replaced by spaces.
pub(crate) fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_code_and_one_line() {
        let cases: [(ViewerError, u8, &str); 7] = [
            (
                RenderError::NoSuchDevice {
                    wanted: "radeon".into(),
                    found: vec!["llvmpipe".into(), "H200".into()],
                }
                .into(),
                3,
                "no Vulkan device is called \"radeon\"; there are: llvmpipe, H200",
            ),
            (
                RenderError::NoDriver.into(),
                3,
                "no Vulkan driver on this machine; './storm doctor' says what to install",
            ),
            (
                RenderError::NoLoader("libvulkan.so.1: no such file\n".into()).into(),
                3,
                "no Vulkan loader on this machine: libvulkan.so.1: no such file; './storm doctor' says what to install",
            ),
            (
                RenderError::NoDevice(vec!["X has Vulkan 1.1, 1.3 is needed".into()]).into(),
                3,
                "no usable Vulkan device: X has Vulkan 1.1, 1.3 is needed; './storm doctor' says what to install",
            ),
            (
                RenderError::NoValidation.into(),
                1,
                "the validation layer VK_LAYER_KHRONOS_validation is not installed",
            ),
            (
                ViewerError::NoDisplay("DISPLAY is not set".into()),
                4,
                "no display to open a window on: DISPLAY is not set; 'render' needs none",
            ),
            (
                ViewerError::Output {
                    path: "a\nb.png".into(),
                    reason: "full".into(),
                },
                1,
                "a b.png: cannot be written: full",
            ),
        ];
        for (error, code, line) in cases {
            assert_eq!((error.exit_code(), error.line().as_str()), (code, line));
        }
    }
}
