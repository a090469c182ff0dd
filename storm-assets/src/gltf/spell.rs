//! Primitive modes: strips, loops and fans spelt out as lists (glTF 2.0 §3.7.2.1).

use super::{context::Context, cursor::Cursor, error::Problem};
use crate::Topology;

/// What the indices of a primitive make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Points,
    Lines,
    LineLoop,
    LineStrip,
    Triangles,
    TriangleStrip,
    TriangleFan,
}

impl Mode {
    pub(super) fn read(primitive: Cursor<'_>) -> Result<Self, Problem> {
        let Some(place) = primitive.get("mode")? else {
            return Ok(Self::Triangles);
        };
        Ok(match place.unsigned()? {
            0 => Self::Points,
            1 => Self::Lines,
            2 => Self::LineLoop,
            3 => Self::LineStrip,
            4 => Self::Triangles,
            5 => Self::TriangleStrip,
            6 => Self::TriangleFan,
            _ => return Err(place.wrong("0 to 6")),
        })
    }

    pub(super) const fn topology(self) -> Topology {
        match self {
            Self::Points => Topology::Points,
            Self::Lines | Self::LineLoop | Self::LineStrip => Topology::Lines,
            Self::Triangles | Self::TriangleStrip | Self::TriangleFan => Topology::Triangles,
        }
    }

    /// The indices that make no whole primitive, and how many indices the list will have.
    fn remainder_and_length(self, count: usize) -> (usize, usize) {
        let primitives = match self {
            Self::Points => count,
            Self::Lines => count / 2,
            Self::LineLoop if count >= 2 => count,
            Self::LineLoop => 0,
            Self::LineStrip => count.saturating_sub(1),
            Self::Triangles => count / 3,
            Self::TriangleStrip | Self::TriangleFan => count.saturating_sub(2),
        };
        let remainder = match self {
            Self::Points => 0,
            Self::Lines => count % 2,
            Self::Triangles => count % 3,
            _ if primitives == 0 => count,
            _ => 0,
        };
        let length = primitives.saturating_mul(self.topology().indices_per_primitive());
        (remainder, length)
    }
}

/// The indices as a list of points, lines or triangles. Indices that make no whole primitive are dropped with a warning.
pub(super) fn spell_out(
    context: &mut Context,
    place: Cursor<'_>,
    mode: Mode,
    mut indices: Vec<u32>,
) -> Result<Vec<u32>, Problem> {
    let count = indices.len();
    let (remainder, length) = mode.remainder_and_length(count);
    if remainder > 0 {
        context.warn(place, || {
            format!("{remainder} of {count} indices make no whole primitive and are dropped")
        });
    }
    if matches!(mode, Mode::Points | Mode::Lines | Mode::Triangles) {
        indices.truncate(length);
        return Ok(indices);
    }
    let mut list = context.budget.list::<u32>(length, || place.pointer())?;
    if length == 0 {
        return Ok(list);
    }
    match mode {
        Mode::LineLoop | Mode::LineStrip => {
            list.extend(indices.windows(2).flatten());
            if mode == Mode::LineLoop {
                list.extend([indices[count - 1], indices[0]]);
            }
        }
        Mode::TriangleStrip => {
            for (i, window) in indices.windows(3).enumerate() {
                // Every second one the other way round, so that all fronts look the same way.
                let odd = i % 2;
                list.extend([window[0], window[1 + odd], window[2 - odd]]);
            }
        }
        _ => {
            for window in indices[1..].windows(2) {
                list.extend([window[0], window[1], indices[0]]);
            }
        }
    }
    debug_assert_eq!(list.len(), length, "the length was paid for");
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::super::{json::Document, options::LoadOptions};
    use super::*;

    #[test]
    fn every_mode_becomes_a_list() {
        let cases: [(Mode, usize, &[u32], usize); 16] = [
            (Mode::Points, 2, &[0, 1], 0),
            (Mode::Lines, 4, &[0, 1, 2, 3], 0),
            (Mode::Lines, 3, &[0, 1], 1),
            (Mode::LineLoop, 3, &[0, 1, 1, 2, 2, 0], 0),
            (Mode::LineLoop, 2, &[0, 1, 1, 0], 0),
            (Mode::LineLoop, 1, &[], 1),
            (Mode::LineStrip, 3, &[0, 1, 1, 2], 0),
            (Mode::LineStrip, 1, &[], 1),
            (Mode::Triangles, 3, &[0, 1, 2], 0),
            (Mode::Triangles, 5, &[0, 1, 2], 1),
            (Mode::Triangles, 2, &[], 1),
            (Mode::TriangleStrip, 5, &[0, 1, 2, 1, 3, 2, 2, 3, 4], 0),
            (Mode::TriangleStrip, 2, &[], 1),
            (Mode::TriangleFan, 5, &[1, 2, 0, 2, 3, 0, 3, 4, 0], 0),
            (Mode::TriangleFan, 2, &[], 1),
            (Mode::TriangleFan, 1, &[], 1),
        ];
        let document = Document::parse(b"{}").unwrap();
        for (mode, count, expected, warnings) in cases {
            let mut context = Context::new(String::new(), &LoadOptions::default());
            let indices = (0..).take(count).collect();
            let found = spell_out(&mut context, document.root(), mode, indices).unwrap();
            assert_eq!(found, expected, "{mode:?} of {count}");
            assert_eq!(context.warning_count, warnings, "{mode:?} of {count}");
        }
    }
}
