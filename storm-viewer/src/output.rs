//! Standard output and error: the only place that writes to them. A reader that has seen enough is no error.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::error::one_line;

/// Writes text to standard output.
///
/// # Errors
/// When it cannot be written, unless it is because the reader has gone (`| head`).
pub(crate) fn stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a line to standard error. There is nobody to tell where that fails.
pub(crate) fn stderr(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says that a picture is in its file, on one line.
pub(crate) fn wrote(path: &Path, note: &str) {
    stderr(&format!(
        "wrote {}{note}",
        one_line(&path.display().to_string())
    ));
}

/// Writes a value to standard output as JSON, for programs.
///
/// # Errors
/// As [`stdout`].
pub(crate) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    stdout(&text)
}
