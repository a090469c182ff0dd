//! `validate`: everything that is wrong with a glTF file, in the codes of the Khronos validator, a line an issue or as JSON.

use storm_assets::gltf::validate::{self, Severity, ValidateOptions};

use crate::{
    cli::ValidateArgs,
    error::{ViewerError, one_line},
    output,
};

/// Writes the report to standard output.
///
/// # Errors
/// When the file cannot be read, or has errors: the report is written all the same.
pub(crate) fn run(args: &ValidateArgs) -> Result<(), ViewerError> {
    let report = validate::validate_file(&args.file, &ValidateOptions::default())?;
    let name = args.file.to_string_lossy();
    let text = if args.json {
        report.to_json(&name)
    } else {
        // Keys and names of the file may hold anything.
        let lines: Vec<_> = report.to_string().lines().map(one_line).collect();
        lines.join("\n")
    };
    output::stdout(&format!("{text}\n"))?;
    match report.count(Severity::Error) {
        0 => Ok(()),
        errors => Err(ViewerError::NotValid {
            file: name.into_owned(),
            errors,
        }),
    }
}
