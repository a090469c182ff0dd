//! The glyphs that are in use, in one square picture: rows of them, filled from the left. It doubles when it is full, and
//! when it cannot, what the frame does not need is left out. What a frame has asked for stays for that frame.

use std::collections::HashMap;

use super::TextError;
use crate::{
    scene::Scene,
    ui::{UiFormat, UiImage, UiTextureId},
};

/// Pixels a side, at first and at most.
const SIDE_MIN: u32 = 256;
const SIDE_MAX: u32 = 2048;
/// Empty pixels between glyphs, so that none shines into another.
const GAP: u32 = 1;

/// A glyph as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct GlyphKey {
    pub(super) font: u32,
    pub(super) glyph: u16,
    /// Bits of the pixels an em.
    pub(super) size: u32,
    pub(super) subpixel: u8,
}

/// Pixels of a glyph, and how far from its origin they are to the right and down.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: Vec<u8>,
}

/// Where a glyph is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) left: i32,
    pub(super) top: i32,
}

struct Entry {
    /// `None` for a glyph without pixels.
    place: Option<Place>,
    /// The last frame that asked for it.
    used: u64,
}

struct Row {
    y: u32,
    height: u32,
    /// Where the next glyph goes.
    x: u32,
}

/// The atlas.
pub(super) struct Atlas {
    side: u32,
    side_max: u32,
    pixels: Vec<u8>,
    rows: Vec<Row>,
    entries: HashMap<GlyphKey, Entry>,
    frame: u64,
    /// Rows of pixels that the scene does not have yet.
    dirty: Option<(u32, u32)>,
    /// The scene has none, or one of another size.
    fresh: bool,
}

impl Atlas {
    pub(super) fn new() -> Self {
        Self::with_sides(SIDE_MIN, SIDE_MAX)
    }

    fn with_sides(side: u32, side_max: u32) -> Self {
        Self {
            side,
            side_max,
            pixels: vec![0; (side * side) as usize],
            rows: Vec::new(),
            entries: HashMap::new(),
            frame: 0,
            dirty: None,
            fresh: true,
        }
    }

    pub(super) fn side(&self) -> u32 {
        self.side
    }

    /// Where a glyph of this frame is; `None` where it has no pixels.
    pub(super) fn place(&self, key: GlyphKey) -> Option<Place> {
        self.entries.get(&key)?.place
    }

    /// Makes room for the glyphs of a frame, drawing those that are not there.
    pub(super) fn prepare(
        &mut self,
        keys: impl Iterator<Item = GlyphKey>,
        mut draw: impl FnMut(GlyphKey) -> Option<Bitmap>,
    ) -> Result<(), TextError> {
        self.frame += 1;
        for key in keys {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.used = self.frame;
                continue;
            }
            let place = match draw(key) {
                None => None,
                Some(bitmap) => Some(self.insert(&bitmap)?),
            };
            let used = self.frame;
            self.entries.insert(key, Entry { place, used });
        }
        Ok(())
    }

    fn insert(&mut self, bitmap: &Bitmap) -> Result<Place, TextError> {
        let mut evicted = false;
        loop {
            if let Some([x, y]) = self.room(bitmap.width, bitmap.height) {
                let place = Place {
                    x,
                    y,
                    width: bitmap.width,
                    height: bitmap.height,
                    left: bitmap.left,
                    top: bitmap.top,
                };
                self.write(&place, &bitmap.pixels);
                return Ok(place);
            }
            if self.side < self.side_max {
                self.grow();
            } else if evicted {
                return Err(TextError::AtlasFull(self.side));
            } else {
                self.evict()?;
                evicted = true;
            }
        }
    }

    /// Takes a free place of this size.
    fn room(&mut self, width: u32, height: u32) -> Option<[u32; 2]> {
        let side = self.side;
        // A row that is much higher than the glyph would waste what lies below it.
        let fits = |row: &&mut Row| {
            row.height >= height && row.height <= height + height / 2 + 4 && row.x + width <= side
        };
        if let Some(row) = self.rows.iter_mut().find(fits) {
            let x = row.x;
            row.x += width + GAP;
            return Some([x, row.y]);
        }
        let y = self.rows.last().map_or(0, |row| row.y + row.height + GAP);
        if y + height > side || width > side {
            return None;
        }
        self.rows.push(Row {
            y,
            height,
            x: width + GAP,
        });
        Some([0, y])
    }

    fn write(&mut self, place: &Place, pixels: &[u8]) {
        for (row, line) in (place.y..).zip(pixels.chunks_exact(place.width as usize)) {
            let start = (row * self.side + place.x) as usize;
            self.pixels[start..start + line.len()].copy_from_slice(line);
        }
        let (from, to) = self.dirty.unwrap_or((place.y, place.y));
        self.dirty = Some((from.min(place.y), to.max(place.y + place.height)));
    }

    /// Doubles the sides. What is there stays where it is.
    fn grow(&mut self) {
        let side = self.side * 2;
        let mut pixels = vec![0; (side * side) as usize];
        let old = self.pixels.chunks_exact(self.side as usize);
        for (new, old) in pixels.chunks_exact_mut(side as usize).zip(old) {
            new[..old.len()].copy_from_slice(old);
        }
        (self.side, self.pixels, self.fresh) = (side, pixels, true);
    }

    /// Leaves out what this frame has not asked for, and moves the rest together.
    fn evict(&mut self) -> Result<(), TextError> {
        let old = std::mem::take(&mut self.pixels);
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|_, entry| entry.used == self.frame);
        tracing::debug!(kept = entries.len(), "glyphs left the atlas");
        self.pixels = vec![0; old.len()];
        self.rows.clear();
        self.fresh = true;
        // The highest first, and equal ones in one order: rows fill well, and runs are alike.
        let mut sorted: Vec<_> = entries.into_iter().collect();
        sorted.sort_unstable_by_key(|(key, entry)| {
            (
                std::cmp::Reverse(entry.place.map_or(0, |place| place.height)),
                *key,
            )
        });
        for (key, entry) in sorted {
            let place = match entry.place {
                None => None,
                Some(at) => {
                    let lines = (at.y..at.y + at.height).flat_map(|y| {
                        let start = (y * self.side + at.x) as usize;
                        old[start..start + at.width as usize].iter().copied()
                    });
                    let pixels: Vec<u8> = lines.collect();
                    let [x, y] = self
                        .room(at.width, at.height)
                        .ok_or(TextError::AtlasFull(self.side))?;
                    let place = Place { x, y, ..at };
                    self.write(&place, &pixels);
                    Some(place)
                }
            };
            self.entries.insert(key, Entry { place, ..entry });
        }
        Ok(())
    }

    /// Gives the scene what it does not have yet.
    pub(super) fn upload(
        &mut self,
        scene: &mut Scene,
        texture: UiTextureId,
    ) -> Result<(), TextError> {
        let image = |height, pixels: &[u8]| UiImage {
            width: self.side,
            height,
            format: UiFormat::Coverage,
            pixels: pixels.to_vec(),
            // Glyphs are drawn pixel by pixel.
            smooth: false,
        };
        if self.fresh {
            scene.insert_ui_texture(texture, &image(self.side, &self.pixels))?;
        } else if let Some((from, to)) = self.dirty {
            let rows = (from * self.side) as usize..(to * self.side) as usize;
            scene.update_ui_texture(texture, [0, from], &image(to - from, &self.pixels[rows]))?;
        }
        (self.fresh, self.dirty) = (false, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(glyph: u16) -> GlyphKey {
        GlyphKey {
            font: 0,
            glyph,
            size: 0,
            subpixel: 0,
        }
    }

    /// A glyph whose size and colour come from its number.
    fn draw(key: GlyphKey) -> Option<Bitmap> {
        let n = u32::from(key.glyph);
        let (width, height) = (3 + n % 7, 4 + n % 9);
        (!n.is_multiple_of(17)).then(|| Bitmap {
            left: n as i32,
            top: -1,
            width,
            height,
            pixels: vec![(n % 250 + 1) as u8; (width * height) as usize],
        })
    }

    /// Every glyph of the frame has its own pixels, and all of them.
    fn check(atlas: &Atlas, glyphs: impl Iterator<Item = u16>) {
        let mut owner = vec![None; atlas.pixels.len()];
        for glyph in glyphs.collect::<std::collections::BTreeSet<_>>() {
            let expected = draw(key(glyph));
            let place = atlas.place(key(glyph));
            assert_eq!(place.is_some(), expected.is_some(), "glyph {glyph}");
            let (Some(place), Some(bitmap)) = (place, expected) else {
                continue;
            };
            assert_eq!((place.width, place.height), (bitmap.width, bitmap.height));
            for y in place.y..place.y + place.height {
                for x in place.x..place.x + place.width {
                    let at = (y * atlas.side + x) as usize;
                    assert_eq!(
                        owner[at].replace(glyph),
                        None,
                        "{glyph} has a place of its own"
                    );
                    assert_eq!(
                        atlas.pixels[at], bitmap.pixels[0],
                        "{glyph} keeps its pixels"
                    );
                }
            }
        }
    }

    #[test]
    fn it_grows_then_leaves_out_what_is_not_needed() {
        let mut atlas = Atlas::with_sides(32, 128);
        let mut sides = std::collections::BTreeSet::new();
        let mut frame = |first: u16| {
            let glyphs = first..first + 60;
            atlas.prepare(glyphs.clone().map(key), draw).unwrap();
            sides.insert(atlas.side);
            check(&atlas, glyphs);
            atlas.entries.len()
        };
        let most = (0..200).map(|step| frame(step * 13)).max().unwrap();
        assert!(most < 1000, "{most} glyphs are kept, of 2600");
        assert_eq!(
            sides.into_iter().collect::<Vec<_>>(),
            [128],
            "60 need the largest at once"
        );
    }

    #[test]
    fn a_frame_that_needs_more_than_there_is_says_so_and_the_next_goes_on() {
        let mut atlas = Atlas::with_sides(32, 32);
        let error = atlas.prepare((1..400).map(key), draw).unwrap_err();
        assert!(matches!(error, TextError::AtlasFull(32)), "{error}");
        atlas.prepare((1..9).map(key), draw).unwrap();
        check(&atlas, 1..9);
    }
}
