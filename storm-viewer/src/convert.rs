//! `convert`: a glTF file becomes one .glb, with its meshes and pictures in the form that was asked for.

use std::io::Write;

use storm_assets::gltf::{self, PictureFormat, WriteError, WriteOptions};

use crate::{
    cli::ConvertArgs,
    error::{ViewerError, one_line},
    output, png, progress,
};

/// Reads, writes, and says what became of it.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn run(args: &ConvertArgs) -> Result<(), ViewerError> {
    #[cfg(feature = "clusters")]
    if args.clusters {
        return crate::clusters::run(args);
    }
    png::check_ending(&args.output, &["glb"])?;
    png::check_apart(&args.output, &args.file)?;
    let title = args.file.display().to_string();
    let file = gltf::load(&args.file, &progress::load_options(&title).keep_encoded())?;
    let mut options = WriteOptions::default()
        .with_pictures(args.pictures.0)
        .with_quantize(args.quantize);
    if let Some(side) = args.picture_size {
        options = options.with_picture_side_max(side.get());
    }
    let written = file
        .to_glb(&options)
        .map_err(|source: WriteError| ViewerError::Convert { title, source })?;
    png::write_whole(&args.output, &["glb"], |out| out.write_all(&written.bytes))?;

    let before = file.summary.file_bytes;
    let beside = file.summary.buffer_bytes;
    let after = written.bytes.len();
    let left_out: Vec<String> = written.left_out.iter().map(|line| one_line(line)).collect();
    let warnings = file.warning_count;
    if args.json {
        let report = serde_json::json!({
            // A path that is no text is shown as near to one as it goes.
            "file": args.file.to_string_lossy(),
            "output": args.output.to_string_lossy(),
            "bytes": after,
            "left_out": left_out,
            "warnings": warnings,
        });
        return Ok(output::stdout(&format!("{report:#}\n"))?);
    }
    let mut text = format!(
        "{}: {after} bytes (the file had {before}, its buffers {beside})\n",
        one_line(&args.output.to_string_lossy())
    );
    for line in left_out {
        text.push_str(&format!("left out: {line}\n"));
    }
    if warnings > 0 {
        text.push_str(&format!(
            "{warnings} thing(s) were mended or left out when it was read; `info` lists them\n"
        ));
    }
    Ok(output::stdout(&text)?)
}

/// A format of pictures, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pictures(pub(crate) PictureFormat);

impl std::str::FromStr for Pictures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, quality) = match text.split_once(':') {
            Some((name, quality)) => (name, Some(quality)),
            None => (text, None),
        };
        let format = match (name, quality) {
            ("keep", None) => PictureFormat::Keep,
            ("png", None) => PictureFormat::Png,
            ("webp", None) => PictureFormat::WebP,
            ("jpeg", None) => PictureFormat::Jpeg(90),
            ("jpeg", Some(quality)) => match quality.parse() {
                Ok(quality @ 1..=100) => PictureFormat::Jpeg(quality),
                _ => return Err(format!("the quality '{quality}' is not within 1 to 100")),
            },
            _ => return Err("it is none of keep, png, webp, jpeg and jpeg:QUALITY".to_owned()),
        };
        Ok(Self(format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_pictures_are_typed_so() {
        for (text, expected) in [
            ("keep", Ok(PictureFormat::Keep)),
            ("png", Ok(PictureFormat::Png)),
            ("webp", Ok(PictureFormat::WebP)),
            ("jpeg", Ok(PictureFormat::Jpeg(90))),
            ("jpeg:1", Ok(PictureFormat::Jpeg(1))),
            ("jpeg:0", Err("the quality '0' is not within 1 to 100")),
            ("jpeg:x", Err("the quality 'x' is not within 1 to 100")),
            (
                "png:9",
                Err("it is none of keep, png, webp, jpeg and jpeg:QUALITY"),
            ),
            (
                "tiff",
                Err("it is none of keep, png, webp, jpeg and jpeg:QUALITY"),
            ),
        ] {
            let found = text.parse::<Pictures>().map(|pictures| pictures.0);
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
    }
}
