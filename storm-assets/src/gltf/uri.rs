//! URIs of buffers and images: data URIs decoded, relative ones turned into safe relative paths.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Padding may be left out, as many writers do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A URI, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Uri<'a> {
    /// The bytes are in the URI itself.
    Data {
        media_type: &'a str,
        /// Whether `body` is base64; percent-encoded otherwise.
        base64: bool,
        body: &'a str,
    },
    /// A path relative to the glTF file.
    Relative(&'a str),
}

/// Takes a URI apart; the error says why it is not followed.
pub(super) fn parse(uri: &str) -> Result<Uri<'_>, String> {
    let data = uri
        .get(..5)
        .filter(|scheme| scheme.eq_ignore_ascii_case("data:"))
        .and_then(|_| uri.get(5..));
    if let Some(data) = data {
        let (header, body) = data
            .split_once(',')
            .ok_or_else(|| "a data URI holds a comma before its data".to_owned())?;
        let (media_type, base64) = match header.strip_suffix(";base64") {
            Some(media_type) => (media_type, true),
            None => (header, false),
        };
        if media_type
            .split(';')
            .skip(1)
            .any(|parameter| !parameter.contains('='))
        {
            return Err("has a parameter without a value".to_owned());
        }
        let media_type = media_type.split(';').next().unwrap_or_default();
        return Ok(Uri::Data {
            media_type,
            base64,
            body,
        });
    }
    let first = uri.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((scheme, _)) = first.split_once(':') {
        return Err(format!(
            "only data: URIs and relative paths are followed, not {:?}",
            super::error::shortened(scheme)
        ));
    }
    if uri.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(Uri::Relative(uri))
}

/// The bytes of a data URI; no more than its text has.
pub(super) fn decode_data(body: &str, base64: bool) -> Result<Vec<u8>, String> {
    if base64 {
        decode_base64(body)
    } else {
        percent_bytes(body)
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    BASE64
        .decode(text)
        .map_err(|error| format!("is not base64: {error}"))
}

/// The segments of a relative URI, percent-decoded, with `.` and `..` resolved.
///
/// # Errors
/// When the path is absolute, leaves the folder it starts from, or holds what no portable file name holds.
pub(super) fn segments(uri: &str) -> Result<Vec<String>, String> {
    let decoded = percent_decode(uri)?;
    if decoded.starts_with('/') {
        return Err("is an absolute path; only paths relative to the file are followed".to_owned());
    }
    // On Windows a backslash separates folders, and a colon names a drive or a stream.
    if let Some(forbidden) = decoded.chars().find(|c| matches!(c, '\\' | ':' | '\0')) {
        return Err(format!(
            "holds {forbidden:?}, which is no part of a portable path"
        ));
    }
    let mut segments = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                if segments.pop().is_none() {
                    return Err("leaves the folder of the file".to_owned());
                }
            }
            name => segments.push(name.to_owned()),
        }
    }
    if segments.is_empty() {
        return Err("names no file".to_owned());
    }
    Ok(segments)
}

fn percent_decode(text: &str) -> Result<String, String> {
    String::from_utf8(percent_bytes(text)?)
        .map_err(|_| "is not UTF-8 after percent-decoding".to_owned())
}

fn percent_bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let value = tail
                .get(..2)
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or_else(|| "holds a % without two hexadecimal digits".to_owned())?;
            bytes.push(value);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_their_folder() {
        let cases: [(&str, Result<&str, &str>); 15] = [
            ("a.bin", Ok("a.bin")),
            ("./x/../a%20b.bin", Ok("a b.bin")),
            ("x//y/./z", Ok("x/y/z")),
            ("caf%C3%A9.png", Ok("café.png")),
            ("Unicode❤♻Binary.bin", Ok("Unicode❤♻Binary.bin")),
            ("../a", Err("leaves the folder of the file")),
            ("x/../../a", Err("leaves the folder of the file")),
            ("%2e%2e/a", Err("leaves the folder of the file")),
            (
                "%2fetc/passwd",
                Err("is an absolute path; only paths relative to the file are followed"),
            ),
            (
                "/etc/passwd",
                Err("is an absolute path; only paths relative to the file are followed"),
            ),
            (
                "..\\a",
                Err("holds '\\\\', which is no part of a portable path"),
            ),
            (
                "x/C%3a",
                Err("holds ':', which is no part of a portable path"),
            ),
            (
                "a%00b",
                Err("holds '\\0', which is no part of a portable path"),
            ),
            ("100%", Err("holds a % without two hexadecimal digits")),
            ("%ff", Err("is not UTF-8 after percent-decoding")),
        ];
        for (uri, expected) in cases {
            let found = segments(uri).map(|segments| segments.join("/"));
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{uri}");
        }
    }

    #[test]
    fn schemes_other_than_data_are_refused() {
        for uri in ["http://x/a.bin", "file:///a", "C:/a.bin", "ftp:a"] {
            assert!(
                parse(uri).unwrap_err().starts_with("only data: URIs"),
                "{uri}"
            );
        }
        assert_eq!(parse("a/b:c").unwrap(), Uri::Relative("a/b:c"));
        assert_eq!(
            parse("DATA:image/png;charset=x;base64,AAAA").unwrap(),
            Uri::Data {
                media_type: "image/png",
                base64: true,
                body: "AAAA"
            }
        );
        assert!(
            parse("data:x;;base64,AAAA")
                .unwrap_err()
                .contains("parameter")
        );
        assert!(parse("data:;base64").unwrap_err().contains("comma"));
    }

    #[test]
    fn data_with_and_without_padding_or_base64() {
        assert_eq!(decode_base64("AQI=").unwrap(), [1, 2]);
        assert_eq!(decode_base64("AQI").unwrap(), [1, 2]);
        assert!(decode_base64("A*==").is_err());
        assert_eq!(decode_data("a%00b", false).unwrap(), *b"a\0b");
    }
}
