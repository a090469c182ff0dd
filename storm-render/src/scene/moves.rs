//! Many instances that move at once: their transforms go from where they lie to staging memory, by all cores.
//!
//! Rows are taken in pieces. A piece whose slots are neighbours is copied to them; the rows of any other are brought to their
//! slots by a compute shader (`shaders/scatter.comp`), so that rows scattered over a table cost what neighbours cost and not a
//! copy region each.

use std::ops::Range;

use super::{
    bits::Bits,
    layout::{InstanceTransform, NONE},
};

/// Rows that one piece has at most.
const PIECE: usize = 8192;
/// Rows that are looked at before they are copied, while they are near.
const STRETCH: usize = 64;

/// Rows of transforms and where they go.
pub(crate) struct Moves<'a, F> {
    pub(crate) rows: &'a [InstanceTransform],
    /// The slot of a row; [`NONE`] where it has none yet. No slot comes twice.
    pub(crate) slot: F,
}

/// What has to be known of instances to move them.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) mirrored: &'a Bits,
    /// Those whose transforms the CPU keeps.
    pub(crate) kept: Option<&'a Bits>,
    /// Whether runs of slots are asked for.
    pub(crate) runs: bool,
}

/// What became of a piece.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Moved {
    /// Rows written, from the start of the piece's part on.
    pub(crate) count: u32,
    /// The first slot, where all slots are neighbours.
    pub(crate) run: Option<u32>,
    /// Rows that have no slot.
    pub(crate) homeless: Vec<usize>,
    /// Slots that are mirrored now and were not, or the other way around.
    pub(crate) turned: Vec<u32>,
    /// Slots and rows of those that are kept.
    pub(crate) kept: Vec<(u32, usize)>,
    /// First slot and count of neighbours.
    pub(crate) runs: Vec<(u32, u32)>,
}

/// Ranges of rows, cut into parts of `most` rows, but for the last: the ranges of each.
pub(crate) fn cut(ranges: &[Range<usize>], most: usize) -> Vec<Vec<Range<usize>>> {
    let mut pieces: Vec<Vec<Range<usize>>> = Vec::new();
    let mut room = 0;
    for range in ranges {
        let mut start = range.start;
        while start < range.end {
            if room == 0 {
                pieces.push(Vec::new());
                room = most;
            }
            let end = range.end.min(start + room);
            room -= end - start;
            if let Some(piece) = pieces.last_mut() {
                piece.push(start..end);
            }
            start = end;
        }
    }
    pieces
}

/// Writes the rows of `ranges`, which are ascending and do not overlap, and their slots to staging memory of as many rows.
///
/// Both are only written and never read: they may be memory that is slow to read. What became of piece `i` starts at row
/// `i` × [`PIECE`] of them.
pub(crate) fn write<F: Fn(usize) -> u32 + Sync>(
    moves: &Moves<'_, F>,
    ranges: &[Range<usize>],
    known: Known<'_>,
    rows: &mut [InstanceTransform],
    slots: &mut [u32],
) -> Vec<Moved> {
    let pieces = cut(ranges, PIECE);
    #[cfg(feature = "rayon")]
    if pieces.len() > 1 {
        use rayon::prelude::*;
        return pieces
            .par_iter()
            .zip(rows.par_chunks_mut(PIECE))
            .zip(slots.par_chunks_mut(PIECE))
            .map(|((piece, rows), slots)| write_piece(moves, piece, known, rows, slots))
            .collect();
    }
    pieces
        .iter()
        .zip(rows.chunks_mut(PIECE))
        .zip(slots.chunks_mut(PIECE))
        .map(|((piece, rows), slots)| write_piece(moves, piece, known, rows, slots))
        .collect()
}

/// Writes one piece.
fn write_piece<F: Fn(usize) -> u32>(
    moves: &Moves<'_, F>,
    ranges: &[Range<usize>],
    known: Known<'_>,
    rows: &mut [InstanceTransform],
    slots: &mut [u32],
) -> Moved {
    let mut moved = Moved::default();
    let (mut count, mut first, mut neighbours) = (0, NONE, true);
    for range in ranges {
        for start in range.clone().step_by(STRETCH) {
            let stretch = start..range.end.min(start + STRETCH);
            // Rows from here on are written to `count` on, once a row without a slot or the end is met.
            let mut from = start;
            let mut next = count;
            for row in stretch.clone() {
                let slot = (moves.slot)(row);
                if slot == NONE {
                    moved.homeless.push(row);
                    rows[count..next].copy_from_slice(&moves.rows[from..row]);
                    (from, count) = (row + 1, next);
                    continue;
                }
                if first == NONE {
                    first = slot;
                }
                neighbours &= slot == first.wrapping_add(next as u32);
                slots[next] = slot;
                next += 1;
                if known.mirrored.get(slot) != moves.rows[row].mirrors() {
                    moved.turned.push(slot);
                }
                if known.kept.is_some_and(|kept| kept.get(slot)) {
                    moved.kept.push((slot, row));
                }
                if known.runs {
                    match moved.runs.last_mut() {
                        Some((start, len)) if *start + *len == slot => *len += 1,
                        _ => moved.runs.push((slot, 1)),
                    }
                }
            }
            rows[count..next].copy_from_slice(&moves.rows[from..stretch.end]);
            count = next;
        }
    }
    moved.count = count as u32;
    moved.run = (neighbours && count > 0).then_some(first);
    moved
}

/// Where piece `index` starts among the rows.
pub(crate) fn piece_start(index: usize) -> usize {
    index * PIECE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize) -> InstanceTransform {
        let mut row = InstanceTransform::IDENTITY;
        row.rows[0][3] = number as f32;
        if number.is_multiple_of(5) {
            row.rows[1][1] = -1.0;
        }
        row
    }

    /// What is written, as slot and row, and what becomes of all pieces, as the plainest loop would have it.
    #[test]
    fn pieces_write_what_a_loop_writes() {
        let count = 3 * PIECE + 100;
        let rows: Vec<_> = (0..count).map(row).collect();
        // Slots of a few tables: neighbours, every third, backwards; some rows have none.
        type SlotOf = fn(usize) -> u32;
        let slots: [(&str, SlotOf); 4] = [
            ("neighbours", |row| row as u32 + 7),
            ("every third", |row| row as u32 * 3),
            ("backwards", |row| 1_000_000 - row as u32),
            ("some without", |row| {
                if row % 71 == 3 { NONE } else { row as u32 }
            }),
        ];
        let all = std::slice::from_ref(&(0..count)).to_vec();
        let sparse: Vec<_> = (0..count).step_by(10).map(|row| row..row + 1).collect();
        let ragged: Vec<_> = (0..count - 300)
            .step_by(300)
            .map(|row| row..row + row % 299 + 1)
            .collect();
        let mut mirrored = Bits::default();
        let mut kept = Bits::default();
        for slot in (0..count as u32).step_by(3) {
            mirrored.set(slot, true);
            kept.set(slot / 2, true);
        }
        for ((name, slot), ranges) in slots
            .iter()
            .flat_map(|slot| [&all[..], &sparse, &ragged].map(|ranges| (slot, ranges)))
        {
            let moves = Moves { rows: &rows, slot };
            let known = Known {
                mirrored: &mirrored,
                kept: Some(&kept),
                runs: true,
            };
            let len = ranges.iter().map(Range::len).sum();
            let mut out = vec![InstanceTransform::IDENTITY; len];
            let mut out_slots = vec![0; len];
            let moved = write(&moves, ranges, known, &mut out, &mut out_slots);

            let mut written = Vec::new();
            for (index, piece) in moved.iter().enumerate() {
                let start = piece_start(index);
                let part = start..start + piece.count as usize;
                if let Some(first) = piece.run {
                    let run: Vec<_> = (first..first + piece.count).collect();
                    assert_eq!(out_slots[part.clone()], run, "{name}");
                }
                written.extend(part.map(|at| (out_slots[at], out[at])));
            }
            let (with, without): (Vec<_>, Vec<_>) = ranges
                .iter()
                .cloned()
                .flatten()
                .partition(|&row| slot(row) != NONE);
            let expected: Vec<_> = with.iter().map(|&row| (slot(row), rows[row])).collect();
            assert!(written == expected, "{name}");
            let gather =
                |of: fn(&Moved) -> Vec<usize>| moved.iter().flat_map(of).collect::<Vec<_>>();
            assert_eq!(gather(|moved| moved.homeless.clone()), without, "{name}");
            let turned: Vec<_> = with
                .iter()
                .filter(|&&row| mirrored.get(slot(row)) != rows[row].mirrors())
                .map(|&row| slot(row) as usize)
                .collect();
            assert_eq!(
                gather(|moved| moved.turned.iter().map(|&slot| slot as usize).collect()),
                turned,
                "{name}"
            );
            let kept_rows: Vec<_> = with
                .iter()
                .copied()
                .filter(|&row| kept.get(slot(row)))
                .collect();
            assert_eq!(
                gather(|moved| moved.kept.iter().map(|&(_, row)| row).collect()),
                kept_rows,
                "{name}"
            );
            let in_runs: Vec<_> = moved
                .iter()
                .flat_map(|moved| {
                    moved
                        .runs
                        .iter()
                        .flat_map(|&(first, len)| first..first + len)
                })
                .collect();
            let slots: Vec<_> = with.iter().map(|&row| slot(row)).collect();
            assert_eq!(in_runs, slots, "{name}");
        }
    }

    #[test]
    fn neighbours_are_one_run_a_piece() {
        let rows = vec![InstanceTransform::IDENTITY; 2 * PIECE];
        let moves = Moves {
            rows: &rows,
            slot: |row| row as u32,
        };
        let known = Known {
            mirrored: &Bits::default(),
            kept: None,
            runs: false,
        };
        let (mut out, mut slots) = (rows.clone(), vec![0; rows.len()]);
        let moved = write(
            &moves,
            std::slice::from_ref(&(0..2 * PIECE)),
            known,
            &mut out,
            &mut slots,
        );
        let runs: Vec<_> = moved.iter().map(|piece| (piece.run, piece.count)).collect();
        assert_eq!(
            runs,
            [(Some(0), PIECE as u32), (Some(PIECE as u32), PIECE as u32)]
        );
    }
}
