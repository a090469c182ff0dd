//! Standard output and error: the only place that writes to them. A reader that has seen enough is no error.

use std::io::{self, Write};

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

/// Writes a value to standard output as JSON, for programs.
///
/// # Errors
/// As [`stdout`].
pub(crate) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    stdout(&text)
}
