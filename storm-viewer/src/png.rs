//! PNG files, and others, written whole or not at all.

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
/// When the folder is missing, `path` is something else than a file, or it does not end in `.png`.
pub fn check(path: &Path) -> Result<(), ViewerError> {
    check_ending(path, &["png"])
}

/// As [`check`], for files that may end in one of these.
pub(crate) fn check_ending(path: &Path, endings: &[&str]) -> Result<(), ViewerError> {
    let wrong = |reason: &str| {
        Err(ViewerError::Output {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => return wrong("it is a folder"),
        // A device or a pipe would be replaced by a file, which nobody who names one means.
        Ok(there) if !there.is_file() => return wrong("it is not a regular file"),
        _ => {}
    }
    let fits = |extension: &std::ffi::OsStr| {
        let mut endings = endings.iter();
        endings.any(|ending| extension.eq_ignore_ascii_case(ending))
    };
    if !path.extension().is_some_and(fits) {
        return wrong(&format!(
            "the name has to end in .{}",
            endings.join(" or .")
        ));
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

/// Checks that a picture does not take the place of the model that it shows.
///
/// # Errors
/// When both paths lead to one file.
pub fn check_apart(path: &Path, model: &Path) -> Result<(), ViewerError> {
    match (fs::canonicalize(path), fs::canonicalize(model)) {
        (Ok(picture), Ok(model)) if picture == model => Err(ViewerError::Output {
            path: path.to_owned(),
            reason: "it is the model itself".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Writes a picture: into a file beside `path`, which then takes its place. A failure leaves what was there before. A link
/// is followed: the file that it leads to is replaced.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, picture: &storm_assets::Image) -> Result<(), ViewerError> {
    write_whole(path, &["png"], |file| {
        PngEncoder::new(file)
            .write_image(
                picture.pixels(),
                picture.width(),
                picture.height(),
                ExtendedColorType::Rgba8,
            )
            .map_err(|error| match error {
                image::ImageError::IoError(error) => error,
                error => io::Error::other(error),
            })
    })
}

/// Has a file filled, in the way that [`write`] does it.
pub(crate) fn write_whole(
    path: &Path,
    endings: &[&str],
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), ViewerError> {
    check_ending(path, endings)?;
    // A link that leads nowhere is replaced itself.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace(&place, fill).map_err(|error| ViewerError::Output {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Has a file beside `path` filled, and puts it in its place when that is done.
fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    // Not made of the file's own name, which may be as long as names can be.
    let part = folder_of(path).join(format!(".storm-{}.part", std::process::id()));
    let written = File::create(&part)
        .map(BufWriter::new)
        .and_then(|mut file| fill(&mut file).and_then(|()| file.flush()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // It may never have come to be.
        let _ = fs::remove_file(&part);
    }
    written
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fills_up_half_way_leaves_the_old_file_and_no_part() {
        let folder = std::env::temp_dir().join(format!("storm-png-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("out.png");
        fs::write(&path, "old").unwrap();
        let failed = replace(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no part is left");
        fs::remove_dir_all(&folder).unwrap();
    }
}
