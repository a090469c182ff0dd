//! Pipelines kept between runs, so that the next one starts faster: one file in the folder that the system has for such things.
//!
//! Nothing depends on it. What cannot be read or written is passed over and logged; bytes that are not whole or of another
//! driver are left aside by the renderer.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use storm_render::{Gpu, GpuDesc};

/// Says where the file is; empty keeps none.
const VARIABLE: &str = "STORM_PIPELINE_CACHE";
/// Larger files are none of ours.
const BYTES_MAX: u64 = 64 << 20;

/// Where pipelines are kept, if anywhere.
#[derive(Debug, Default)]
pub(crate) struct PipelineCache {
    path: Option<PathBuf>,
}

impl PipelineCache {
    /// As the environment has it.
    pub(crate) fn from_env() -> Self {
        Self {
            path: place(|name| std::env::var_os(name)),
        }
    }

    /// Hands what an earlier run has kept to a device that is about to be made.
    pub(crate) fn fill(&self, desc: GpuDesc) -> GpuDesc {
        let Some(path) = &self.path else {
            return desc;
        };
        match read(path) {
            Ok(pipeline_cache) => GpuDesc {
                pipeline_cache,
                ..desc
            },
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!("{}: pipelines are not reused: {error}", path.display());
                }
                desc
            }
        }
    }

    /// Keeps the pipelines of a device, if they are not those that it began with.
    pub(crate) fn keep(&self, gpu: &Gpu) {
        let Some(path) = &self.path else {
            return;
        };
        let kept = gpu
            .pipeline_cache()
            .map_err(io::Error::other)
            .and_then(|bytes| match read(path) {
                Ok(before) if before == bytes => Ok(()),
                _ => write(path, &bytes),
            });
        if let Err(error) = kept {
            tracing::warn!("{}: pipelines are not kept: {error}", path.display());
        }
    }
}

/// The file, by the variables of the environment.
fn place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(path) = variable(VARIABLE) {
        return (!path.is_empty()).then(|| path.into());
    }
    let folder = |name: &str| {
        let path = PathBuf::from(variable(name)?);
        // Relative ones are to be passed over, says the XDG base directory specification.
        path.is_absolute().then_some(path)
    };
    let caches = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))
    };
    Some(caches?.join("storm").join("pipelines"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("larger than {BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Beside its place first, so that runs at the same time see whole files.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // It may not be there; the reason is told either way.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_environment_says_where() {
        type Variables<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Variables<'_>, Option<&str>); 6] = [
            (
                &[("HOME", "/home/a")],
                Some("/home/a/.cache/storm/pipelines"),
            ),
            (
                &[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/c")],
                Some("/c/storm/pipelines"),
            ),
            (
                &[("HOME", "/home/a"), ("XDG_CACHE_HOME", "c")],
                Some("/home/a/.cache/storm/pipelines"),
            ),
            (&[("HOME", "/home/a"), (VARIABLE, "here")], Some("here")),
            (&[("HOME", "/home/a"), (VARIABLE, "")], None),
            (&[], None),
        ];
        for (variables, expected) in cases {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(
                place(variable),
                expected.map(PathBuf::from),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_too_large_is_not() {
        let folder = std::env::temp_dir().join(format!("storm-pipelines-{}", std::process::id()));
        let path = folder.join("deep").join("pipelines");
        write(&path, b"made").unwrap();
        write(&path, b"made again").unwrap();
        assert_eq!(read(&path).unwrap(), b"made again");
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
        fs::File::create(&path)
            .unwrap()
            .set_len(BYTES_MAX + 1)
            .unwrap();
        assert!(read(&path).is_err());
        // A folder in its place.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(write(&path, b"x").is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
