//! What a file says beyond what this reader makes values of: `extras`, and extensions without a value of their own. Kept word for word.

use std::fmt::Write;

use super::{context::Context, cursor::Cursor, error::Problem};

/// An `extras` member or an extension object, as JSON. XMP packets (`KHR_xmp_json_ld`) are among them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// JSON pointer (RFC 6901) to the object that has it; empty for the whole file.
    pub owner: String,
    /// `extras`, or the name of the extension.
    pub name: String,
    /// Its value, as JSON without spaces.
    pub json: String,
}

/// Collects all of them, in file order. Cost: one walk through the document.
pub(super) fn read(context: &mut Context, root: Cursor<'_>) -> Result<Vec<Kept>, Problem> {
    let mut kept = Vec::new();
    walk(context, root, &mut String::new(), &mut kept)?;
    Ok(kept)
}

/// Deep as the document, which serde_json bounds.
fn walk(
    context: &mut Context,
    place: Cursor<'_>,
    pointer: &mut String,
    kept: &mut Vec<Kept>,
) -> Result<(), Problem> {
    let length = pointer.len();
    // Asked by kind: an error says where it is, which takes a walk from the beginning.
    if !place.is_object() {
        let (_, elements) = place.elements()?;
        for (index, element) in elements.enumerate().filter(|(_, e)| e.is_container()) {
            // Writing into a string does not fail.
            let _ = write!(pointer, "/{index}");
            walk(context, element, pointer, kept)?;
            pointer.truncate(length);
        }
    } else {
        for (key, value) in place.members()? {
            if key == "extras" {
                keep(context, pointer, key, value, kept)?;
            } else if key == "extensions" && value.is_object() {
                for (name, value) in value.members()? {
                    if context.reads(name) && name != "KHR_xmp_json_ld" {
                        pointer.push_str("/extensions/");
                        pointer.push_str(&escaped(name));
                        walk(context, value, pointer, kept)?;
                        pointer.truncate(length);
                    } else {
                        keep(context, pointer, name, value, kept)?;
                    }
                }
            } else if value.is_container() {
                pointer.push('/');
                pointer.push_str(&escaped(key));
                walk(context, value, pointer, kept)?;
                pointer.truncate(length);
            }
        }
    }
    Ok(())
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn keep(
    context: &mut Context,
    owner: &str,
    name: &str,
    value: Cursor<'_>,
    kept: &mut Vec<Kept>,
) -> Result<(), Problem> {
    // Measured first: numbers may be longer here than in the file.
    let mut length = Counter(0);
    let _ = value.write_json(&mut length);
    let texts = length
        .0
        .saturating_add(owner.len())
        .saturating_add(name.len());
    context.budget.values::<u8>(texts, || value.pointer())?;
    // The list doubles when it grows.
    context.budget.values::<[Kept; 3]>(1, || value.pointer())?;
    let mut json = String::with_capacity(length.0);
    let _ = value.write_json(&mut json);
    kept.push(Kept {
        owner: owner.to_owned(),
        name: name.to_owned(),
        json,
    });
    Ok(())
}

struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
