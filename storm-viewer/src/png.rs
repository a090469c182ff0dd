//! PNG files, written whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::error::ViewerError;

/// Checks, before any work is done, that a picture can be written there.
///
/// # Errors
/// When the folder is missing, `path` is a folder, or it does not end in `.png`.
pub fn check(path: &Path) -> Result<(), ViewerError> {
    let wrong = |reason: &str| {
        Err(ViewerError::Output {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    if path.is_dir() {
        return wrong("it is a folder");
    }
    if !path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
    {
        return wrong("only PNG can be written: the name has to end in .png");
    }
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => wrong(&format!("{} is not a folder", folder.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            wrong(&format!("the folder {} does not exist", folder.display()))
        }
        Err(error) => wrong(&error.to_string()),
    }
}

/// Writes a picture: into a file beside `path`, which then takes its place. A failure leaves what was there before.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, picture: &storm_assets::Image) -> Result<(), ViewerError> {
    check(path)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = folder_of(path).join(name);
    let written = encode(&part, picture).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        // It may never have come to be.
        let _ = fs::remove_file(&part);
        ViewerError::Output {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    })
}

fn encode(path: &Path, picture: &storm_assets::Image) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    PngEncoder::new(&mut file)
        .write_image(
            picture.pixels(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgba8,
        )
        .map_err(|error| match error {
            image::ImageError::IoError(error) => error,
            error => io::Error::other(error),
        })?;
    file.flush()
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
