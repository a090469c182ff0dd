//! Cursors: typed values read from a [`Document`](super::json::Document), with the place of each for messages.
//!
//! - A cursor knows its position only; the JSON pointer for a message is found by walking down to it, so that reading costs nothing for
//!   messages that never come.
//! - A key that is looked up and stands twice in its object is an error, not a choice.

use std::{borrow::Cow, fmt};

use super::{
    error::{Problem, shortened},
    json::Node,
};

/// A place in a [`Document`].
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    nodes: &'a [Node<'a>],
    at: u32,
}

/// Where the elements of lists begin, for lists that pointers led through.
#[derive(Debug, Default)]
pub(super) struct Starts(std::collections::HashMap<u32, Vec<u32>>);

impl<'a> Cursor<'a> {
    /// The outermost value of a document.
    pub(super) fn root(nodes: &'a [Node<'a>]) -> Self {
        Self { nodes, at: 0 }
    }

    fn node(self) -> &'a Node<'a> {
        &self.nodes[self.at as usize]
    }

    fn after(self) -> u32 {
        match self.node() {
            Node::Array { end, .. } | Node::Object { end, .. } => *end,
            _ => self.at + 1,
        }
    }

    fn to(self, at: u32) -> Self {
        Self { at, ..self }
    }

    /// The JSON pointer of this place, for messages only: long keys are shortened in it. Cost: O(nodes before it).
    pub(super) fn pointer(self) -> String {
        self.pointer_by(&mut Starts::default())
    }

    /// The same, at O(log elements) for each list that another place was in before. For many messages.
    pub(super) fn pointer_by(self, starts: &mut Starts) -> String {
        let mut pointer = String::new();
        let mut here = self.to(0);
        while here.at != self.at {
            let inside = if matches!(here.node(), Node::Object { .. }) {
                here.members_unchecked()
                    .find(|(_, value)| (value.at..value.after()).contains(&self.at))
                    .map(|(key, value)| {
                        (shortened(key).replace('~', "~0").replace('/', "~1"), value)
                    })
            } else {
                let starts = starts
                    .0
                    .entry(here.at)
                    .or_insert_with(|| here.elements_unchecked().map(|value| value.at).collect());
                // The last that begins at or before this place.
                let index = starts
                    .partition_point(|start| *start <= self.at)
                    .checked_sub(1);
                index.map(|index| (index.to_string(), here.to(starts[index])))
            };
            let Some((segment, next)) = inside else { break };
            pointer.push('/');
            pointer.push_str(&segment);
            here = next;
        }
        pointer
    }

    /// An error that says what was expected here instead of this value.
    pub(super) fn wrong(self, expected: impl Into<Cow<'static, str>>) -> Problem {
        self.wrong_found(expected, self.describe())
    }

    /// An error that says what was expected here and what was found.
    pub(super) fn wrong_found(
        self,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Problem {
        Problem::Invalid {
            pointer: self.pointer(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    fn describe(self) -> String {
        match self.node() {
            Node::Null => "null".to_owned(),
            Node::Bool(value) => value.to_string(),
            Node::Unsigned(value) => value.to_string(),
            Node::Number(value) => value.to_string(),
            Node::Text(text) => format!("{:?}", shortened(text)),
            Node::Owned(text) => format!("{:?}", shortened(text)),
            Node::Array { len, .. } => format!("an array of {len}"),
            Node::Object { len, .. } => format!("an object of {len} members"),
        }
    }

    fn members_unchecked(self) -> impl Iterator<Item = (&'a str, Self)> {
        let end = match self.node() {
            Node::Object { end, .. } => *end,
            _ => self.at,
        };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let key = self.to(at).as_text().unwrap_or_default();
            let value = self.to(at + 1);
            at = value.after();
            Some((key, value))
        })
    }

    fn elements_unchecked(self) -> impl Iterator<Item = Self> {
        let end = match self.node() {
            Node::Array { end, .. } => *end,
            _ => self.at,
        };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let value = self.to(at);
            at = value.after();
            Some(value)
        })
    }

    fn as_text(self) -> Option<&'a str> {
        match self.node() {
            Node::Text(text) => Some(text),
            Node::Owned(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is an array or an object.
    pub(super) fn is_container(self) -> bool {
        matches!(self.node(), Node::Array { .. } | Node::Object { .. })
    }

    /// Whether this is an object.
    pub(super) fn is_object(self) -> bool {
        matches!(self.node(), Node::Object { .. })
    }

    // For validation, which goes on whatever is wrong.

    /// The members of an object; nothing of anything else.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        self.members_unchecked()
    }

    /// The member `key` of an object; of several, the last.
    pub(super) fn entry(self, key: &str) -> Option<Self> {
        let mut members = self.members_unchecked();
        let first = members.find(|(name, _)| *name == key)?;
        let later = members.filter(|(name, _)| *name == key).last();
        Some(later.unwrap_or(first).1)
    }

    /// Whether this is `null`.
    pub(super) fn is_null(self) -> bool {
        matches!(self.node(), Node::Null)
    }

    /// A whole number, however it is written.
    pub(super) fn integer(self) -> Option<i64> {
        match self.node() {
            Node::Unsigned(value) => Some(i64::try_from(*value).unwrap_or(i64::MAX)),
            // Saturates.
            Node::Number(value) if value.fract() == 0.0 => Some(*value as i64),
            _ => None,
        }
    }

    /// A number.
    pub(super) fn number(self) -> Option<f64> {
        match self.node() {
            Node::Unsigned(value) => Some(*value as f64),
            Node::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// What stands here, for messages.
    pub(super) fn shown(self) -> String {
        self.describe()
    }

    /// Writes this value as JSON without spaces. Numbers keep their value, not their spelling.
    pub(super) fn write_json(self, out: &mut impl fmt::Write) -> fmt::Result {
        match self.node() {
            Node::Null => out.write_str("null"),
            Node::Bool(value) => write!(out, "{value}"),
            Node::Unsigned(value) => write!(out, "{value}"),
            // The document holds finite numbers only, and these and texts always have JSON.
            Node::Number(value) => {
                out.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
            }
            Node::Text(text) => write_text(text, out),
            Node::Owned(text) => write_text(text, out),
            Node::Array { .. } => {
                out.write_char('[')?;
                for (index, element) in self.elements_unchecked().enumerate() {
                    if index > 0 {
                        out.write_char(',')?;
                    }
                    element.write_json(out)?;
                }
                out.write_char(']')
            }
            Node::Object { .. } => {
                out.write_char('{')?;
                for (index, (key, value)) in self.members_unchecked().enumerate() {
                    if index > 0 {
                        out.write_char(',')?;
                    }
                    write_text(key, out)?;
                    out.write_char(':')?;
                    value.write_json(out)?;
                }
                out.write_char('}')
            }
        }
    }

    /// The members of an object, in file order.
    pub(super) fn members(self) -> Result<impl Iterator<Item = (&'a str, Self)>, Problem> {
        match self.node() {
            Node::Object { .. } => Ok(self.members_unchecked()),
            _ => Err(self.wrong("an object")),
        }
    }

    /// The elements of an array, and how many there are.
    pub(super) fn elements(self) -> Result<(usize, impl Iterator<Item = Self>), Problem> {
        match self.node() {
            Node::Array { len, .. } => Ok((*len as usize, self.elements_unchecked())),
            _ => Err(self.wrong("an array")),
        }
    }

    /// The member `key` of an object, if it is there. Cost: O(members).
    pub(super) fn get(self, key: &str) -> Result<Option<Self>, Problem> {
        let mut found = None;
        for (name, value) in self.members()? {
            if name == key {
                if found.is_some() {
                    return Err(value.wrong_found("one member of this name", "two"));
                }
                found = Some(value);
            }
        }
        Ok(found)
    }

    /// The member `key` of an object.
    pub(super) fn required(self, key: &str) -> Result<Self, Problem> {
        self.get(key)?
            .ok_or_else(|| self.wrong_found(format!("the property {key:?}"), "nothing"))
    }

    /// An unsigned number. `2.0` counts as 2, as in JSON Schema.
    pub(super) fn unsigned(self) -> Result<u64, Problem> {
        match self.node() {
            Node::Unsigned(value) => Ok(*value),
            Node::Number(value) if value.fract() == 0.0 && (0.0..9e15).contains(value) => {
                Ok(*value as u64)
            }
            _ => Err(self.wrong("an integer of at least 0")),
        }
    }

    /// An unsigned number that fits the address space.
    pub(super) fn size(self) -> Result<usize, Problem> {
        usize::try_from(self.unsigned()?).map_err(|_| self.wrong("a smaller number"))
    }

    /// A number that is finite as `f32`.
    pub(super) fn float(self) -> Result<f32, Problem> {
        let value = match self.node() {
            Node::Unsigned(value) => *value as f32,
            Node::Number(value) => *value as f32,
            _ => return Err(self.wrong("a number")),
        };
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.wrong("a number that 32-bit floats can hold"))
        }
    }

    /// A text.
    pub(super) fn text(self) -> Result<&'a str, Problem> {
        self.as_text().ok_or_else(|| self.wrong("a string"))
    }

    /// `true` or `false`.
    pub(super) fn boolean(self) -> Result<bool, Problem> {
        match self.node() {
            Node::Bool(value) => Ok(*value),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// `N` numbers.
    pub(super) fn floats<const N: usize>(self) -> Result<[f32; N], Problem> {
        let (len, elements) = self.elements()?;
        if len != N {
            return Err(self.wrong(format!("an array of {N} numbers")));
        }
        let mut values = [0.0; N];
        for (value, element) in values.iter_mut().zip(elements) {
            *value = element.float()?;
        }
        Ok(values)
    }

    /// An index into a list of `len` things called `what`.
    pub(super) fn index(self, len: usize, what: &str) -> Result<usize, Problem> {
        let index = self.size()?;
        if index < len {
            Ok(index)
        } else {
            Err(self.wrong_found(
                format!("the index of one of {len} {what}"),
                index.to_string(),
            ))
        }
    }

    // Optional members, by name.

    pub(super) fn optional_index(
        self,
        key: &str,
        len: usize,
        what: &str,
    ) -> Result<Option<usize>, Problem> {
        self.get(key)?
            .map(|value| value.index(len, what))
            .transpose()
    }

    pub(super) fn optional_float(self, key: &str) -> Result<Option<f32>, Problem> {
        self.get(key)?.map(Self::float).transpose()
    }

    pub(super) fn optional_size(self, key: &str) -> Result<Option<usize>, Problem> {
        self.get(key)?.map(Self::size).transpose()
    }

    pub(super) fn optional_text(self, key: &str) -> Result<Option<&'a str>, Problem> {
        self.get(key)?.map(Self::text).transpose()
    }

    pub(super) fn optional_bool(self, key: &str) -> Result<Option<bool>, Problem> {
        self.get(key)?.map(Self::boolean).transpose()
    }

    pub(super) fn optional_floats<const N: usize>(
        self,
        key: &str,
    ) -> Result<Option<[f32; N]>, Problem> {
        self.get(key)?.map(Self::floats::<N>).transpose()
    }

    /// The extension object `name` of this object.
    pub(super) fn extension(self, name: &str) -> Result<Option<Self>, Problem> {
        match self.get("extensions")? {
            Some(extensions) => extensions.get(name),
            None => Ok(None),
        }
    }

    /// How many elements the array `key` holds; 0 where it is absent.
    pub(super) fn count(self, key: &str) -> Result<usize, Problem> {
        match self.get(key)? {
            Some(list) => Ok(list.elements()?.0),
            None => Ok(0),
        }
    }
}

/// A text as JSON. In pieces: the whole of it may be large, and is not copied.
fn write_text(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.write_str(&rest[..at])?;
        let byte = rest.as_bytes()[at];
        match byte {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            _ => write!(out, "\\u{byte:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({} {})", self.pointer(), self.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Document;
    use super::*;

    fn with<R>(text: &str, check: impl FnOnce(Cursor<'_>) -> R) -> R {
        check(Document::parse(text.as_bytes()).unwrap().root())
    }

    #[test]
    fn pointers_lead_to_their_values() {
        with(r#"{"a/b":[{"~":[0,1,{"x":true}]}],"c":2}"#, |root| {
            let inner = root
                .get("a/b")
                .unwrap()
                .unwrap()
                .elements()
                .unwrap()
                .1
                .next()
                .unwrap();
            let x = inner
                .get("~")
                .unwrap()
                .unwrap()
                .elements()
                .unwrap()
                .1
                .last()
                .unwrap();
            assert_eq!(x.get("x").unwrap().unwrap().pointer(), "/a~1b/0/~0/2/x");
            assert_eq!(root.get("c").unwrap().unwrap().pointer(), "/c");
            assert_eq!(root.pointer(), "");
        });
    }

    #[test]
    fn a_name_that_stands_twice_is_an_error() {
        with(r#"{"a":1,"a":1}"#, |root| {
            assert_eq!(
                root.get("a").unwrap_err().to_string(),
                "/a: expected one member of this name, found two"
            );
        });
    }

    #[test]
    fn numbers_are_what_they_say() {
        with("[3, 3.0, 3.5, -1, 1e300, \"3\"]", |root| {
            let cases: Vec<_> = root
                .elements()
                .unwrap()
                .1
                .map(|c| (c.unsigned().ok(), c.float().ok()))
                .collect();
            assert_eq!(
                cases,
                [
                    (Some(3), Some(3.0)),
                    (Some(3), Some(3.0)),
                    (None, Some(3.5)),
                    (None, Some(-1.0)),
                    (None, None),
                    (None, None)
                ]
            );
        });
    }
}
