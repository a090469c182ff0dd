//! Files: the only place where the reader touches the file system.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    Gltf,
    error::{GltfError, Problem},
    options::LoadOptions,
    parse::parse,
    resource::Request,
    uri,
};

/// Reads a .gltf or .glb file and the files beside it.
///
/// URIs lead to files in the folder of the file or below it. Links of the file system are followed, for who may put a link into that
/// folder may put the file there, too.
///
/// # Errors
/// As [`parse`], and when a file cannot be read.
pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Gltf, GltfError> {
    let path = path.as_ref();
    let name = path.to_string_lossy().replace('\\', "/");
    let bytes = read_file(path, options.limits.input_bytes_max).map_err(|error| GltfError {
        file: name.clone(),
        problem: Problem::Io(error),
    })?;
    let mut options = options.clone();
    options.source.get_or_insert_with(|| name.clone());
    parse(&bytes, &mut resolver_of(path), &options).map_err(|error| GltfError {
        file: name,
        ..error
    })
}

/// Gives the files beside `path`.
pub(super) fn resolver_of(path: &Path) -> impl FnMut(Request<'_>) -> io::Result<Vec<u8>> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    move |request| read_file(&path_beside(folder, request)?, request.bytes_max)
}

/// The file that a request means, in or below `folder`.
pub(crate) fn path_beside(folder: &Path, request: Request<'_>) -> io::Result<PathBuf> {
    let segments = uri::segments(request.uri)
        .map_err(|reason| io::Error::new(io::ErrorKind::InvalidInput, reason))?;
    let mut path = folder.to_owned();
    path.extend(segments);
    Ok(path)
}

/// The bytes of a regular file of at most `bytes_max`.
pub(crate) fn read_file(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // Before opening: opening a pipe waits for its other end.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "is not a regular file",
        ));
    }
    let too_large = || {
        io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("is larger than the {bytes_max} bytes that may still be read"),
        )
    };
    if metadata.len() > bytes_max {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(metadata.len()).map_err(|_| too_large())?)?;
    // A file may grow while it is read.
    File::open(path)?
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_large());
    }
    Ok(bytes)
}
