//! JSON as a flat list of nodes, which [`Cursor`]s read.
//!
//! Memory is bounded before parsing: one node of 24 bytes for each value, and a value takes at least two bytes of text but for the last.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{
    cursor::Cursor,
    error::{Problem, shortened},
};

/// One value. Containers are followed by what they hold; `end` is one past their last node.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Number(f64),
    Text(&'a str),
    /// A text with escapes.
    Owned(Box<str>),
    Array {
        len: u32,
        end: u32,
    },
    /// Keys (as text nodes) and values in turn.
    Object {
        len: u32,
        end: u32,
    },
}

/// A parsed JSON text.
#[derive(Debug)]
pub(super) struct Document<'a> {
    nodes: Vec<Node<'a>>,
}

impl<'a> Document<'a> {
    /// Parses a text that holds one JSON value. Nesting over 127 levels is refused.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Problem> {
        if text.starts_with(b"\xef\xbb\xbf") {
            return Err(Problem::Json {
                line: 1,
                column: 1,
                message: "glTF forbids the byte order mark".to_owned(),
            });
        }
        // One node a value or key: each but the first follows one of these bytes. `[1` and `{"a"` open with their first child.
        let bound = 1 + text
            .iter()
            .filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{'))
            .count();
        let mut nodes = Vec::new();
        nodes
            .try_reserve_exact(bound)
            .map_err(|_| Problem::Memory {
                pointer: String::new(),
                bytes: (bound as u64).saturating_mul(size_of::<Node<'_>>() as u64),
            })?;
        let mut reader = serde_json::Deserializer::from_slice(text);
        Builder { nodes: &mut nodes }
            .deserialize(&mut reader)
            .and_then(|()| reader.end())
            .map_err(|error| Problem::Json {
                line: error.line(),
                column: error.column(),
                message: {
                    // serde_json ends its message with the position, which is here already.
                    let message = error.to_string();
                    let cut = message.rfind(" at line ").unwrap_or(message.len());
                    shortened(&message[..cut])
                },
            })?;
        Ok(Self { nodes })
    }

    /// The outermost value.
    pub(super) fn root(&self) -> Cursor<'_> {
        Cursor::root(&self.nodes)
    }
}

struct Builder<'t, 'a> {
    nodes: &'t mut Vec<Node<'a>>,
}

impl Builder<'_, '_> {
    fn end<E: de::Error>(&self) -> Result<u32, E> {
        u32::try_from(self.nodes.len()).map_err(|_| E::custom("too many values"))
    }
}

impl<'de> DeserializeSeed<'de> for Builder<'_, 'de> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.nodes.push(Node::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.nodes.push(Node::Bool(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.nodes.push(Node::Unsigned(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.nodes.push(Node::Number(value as f64));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.nodes.push(Node::Number(value));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.nodes.push(Node::Text(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.nodes.push(Node::Owned(value.into()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let at = self.nodes.len();
        self.nodes.push(Node::Null);
        let mut len = 0;
        while access
            .next_element_seed(Builder { nodes: self.nodes })?
            .is_some()
        {
            len += 1;
        }
        self.nodes[at] = Node::Array {
            len,
            end: self.end()?,
        };
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let at = self.nodes.len();
        self.nodes.push(Node::Null);
        let mut len = 0;
        while access
            .next_key_seed(Builder { nodes: self.nodes })?
            .is_some()
        {
            access.next_value_seed(Builder { nodes: self.nodes })?;
            len += 1;
        }
        self.nodes[at] = Node::Object {
            len,
            end: self.end()?,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_takes_24_bytes_and_no_more_are_made_than_counted() {
        assert_eq!(size_of::<Node<'_>>(), 24);
        for text in ["0", "[]", "[0,0]", r#"{"a":{"b":[1,"x",{}]},"c,:[{":null}"#] {
            let bound = 1 + text.bytes().filter(|b| b",:[{".contains(b)).count();
            assert!(
                Document::parse(text.as_bytes()).unwrap().nodes.len() <= bound,
                "{text}"
            );
        }
    }
}
