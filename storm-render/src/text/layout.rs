//! Lines of text: where each glyph is. Pure: knows no device and no pixels.

use ab_glyph::{Font, FontVec, ScaleFont};

use super::{FontId, TEXT_BYTES_MAX, TextError, scale_of};

/// The columns of a tab, in spaces.
const TAB: f32 = 4.0;

/// To which side lines are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextAlign {
    /// All begin at one edge.
    #[default]
    Left,
    /// Their middles are above each other.
    Center,
    /// All end at one edge.
    Right,
}

/// How a text is laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// The font of characters that it has.
    pub font: FontId,
    /// Points an em, 0.5 to 1000.
    pub size: f32,
    /// To which side lines are moved: within `width`, or else within the longest of them.
    pub align: TextAlign,
    /// Lines are broken between words where they would be longer than this many points, and within words that are longer by
    /// themselves. Without it they end where the text says so.
    pub width: Option<f32>,
    /// From line to line, in heights of the font: 0.1 to 10.
    pub line_height: f32,
}

impl TextStyle {
    /// One column of any width, to the left, with the font's own line height.
    #[must_use]
    pub fn new(font: FontId, size: f32) -> Self {
        Self {
            font,
            size,
            align: TextAlign::Left,
            width: None,
            line_height: 1.0,
        }
    }
}

/// A glyph, and where its origin on the baseline is, points from the left top corner of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlacedGlyph {
    pub(super) font: u32,
    pub(super) glyph: u16,
    pub(super) at: [f32; 2],
}

/// A text in lines. Not a picture yet: it can be drawn at any place, in any colour, at any number of pixels a point.
#[derive(Clone, Debug, PartialEq)]
pub struct TextLayout {
    glyphs: Vec<PlacedGlyph>,
    lines: usize,
    size: [f32; 2],
    em: f32,
    fonts: u32,
}

impl TextLayout {
    /// Width and height, points.
    #[must_use]
    pub fn size(&self) -> [f32; 2] {
        self.size
    }

    /// How many lines it has.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Where its left top corner has to be for it to stand above a point, in the middle: labels stand so.
    #[must_use]
    pub fn above(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x - 0.5 * self.size[0], y - self.size[1]]
    }

    pub(super) fn glyphs(&self) -> &[PlacedGlyph] {
        &self.glyphs
    }

    pub(super) fn size_points(&self) -> f32 {
        self.em
    }

    /// How many fonts there have to be.
    pub(super) fn fonts_needed(&self) -> u32 {
        self.fonts
    }
}

fn within(what: &'static str, found: f32, least: f32, most: f32) -> Result<(), TextError> {
    // Not a number is within nothing.
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(TextError::Range {
        what,
        found,
        least,
        most,
    })
}

/// A character of a line that is being filled.
#[derive(Clone, Copy)]
struct Item {
    font: u32,
    glyph: u16,
    advance: f32,
    /// What is moved nearer to the one before.
    kern: f32,
    blank: bool,
}

/// Characters, fonts and sizes of one text.
struct Run<'a> {
    fonts: &'a [FontVec],
    first: u32,
    em: f32,
}

impl Run<'_> {
    /// The first font that has a character, and its glyph there; the style's own where none has it.
    fn item(&self, c: char) -> Item {
        let own = self.first;
        let others = (0..self.fonts.len() as u32).filter(|&font| font != own);
        let has = |font: &u32| self.fonts[*font as usize].glyph_id(c).0 != 0;
        let font = std::iter::once(own).chain(others).find(has).unwrap_or(own);
        let face = &self.fonts[font as usize];
        let scaled = face.as_scaled(scale_of(face, self.em));
        let glyph = scaled.glyph_id(if c == '\t' { ' ' } else { c });
        let advance = scaled.h_advance(glyph) * if c == '\t' { TAB } else { 1.0 };
        Item {
            font,
            glyph: glyph.0,
            // What a font says may be anything.
            advance: if advance.is_finite() {
                advance.clamp(0.0, 4.0 * self.em)
            } else {
                0.0
            },
            kern: 0.0,
            blank: c.is_whitespace(),
        }
    }

    fn kern(&self, before: &Item, item: &Item) -> f32 {
        if before.font != item.font {
            return 0.0;
        }
        let face = &self.fonts[item.font as usize];
        let scaled = face.as_scaled(scale_of(face, self.em));
        let kern = scaled.kern(
            ab_glyph::GlyphId(before.glyph),
            ab_glyph::GlyphId(item.glyph),
        );
        if kern.is_finite() {
            kern.clamp(-self.em, self.em)
        } else {
            0.0
        }
    }
}

/// How wide a line is, without the blanks that it ends with.
fn width_of(line: &[Item]) -> f32 {
    let end = line
        .iter()
        .rposition(|item| !item.blank)
        .map_or(0, |last| last + 1);
    let part = |(i, item): (usize, &Item)| item.advance + if i == 0 { 0.0 } else { item.kern };
    line[..end].iter().enumerate().map(part).sum()
}

/// Breaks one paragraph into lines.
fn broken(items: Vec<Item>, width: f32, lines: &mut Vec<Vec<Item>>) {
    let mut line: Vec<Item> = Vec::new();
    let mut x = 0.0;
    for item in items {
        let kern = if line.is_empty() { 0.0 } else { item.kern };
        if !item.blank && !line.is_empty() && x + kern + item.advance > width {
            // After the last blank, or before this one where the word has a line of its own.
            let at = line
                .iter()
                .rposition(|item| item.blank)
                .map_or(line.len(), |blank| blank + 1);
            let rest = line.split_off(at);
            lines.push(std::mem::replace(&mut line, rest));
            x = line.iter().map(|item| item.advance + item.kern).sum();
        }
        x += if line.is_empty() { 0.0 } else { item.kern } + item.advance;
        line.push(item);
    }
    lines.push(line);
}

pub(super) fn layout(
    fonts: &[FontVec],
    text: &str,
    style: &TextStyle,
) -> Result<TextLayout, TextError> {
    let TextStyle {
        font: FontId(first),
        size,
        align,
        width,
        line_height,
    } = *style;
    let face = fonts.get(first as usize).ok_or(TextError::NoFont(first))?;
    within("text size", size, 0.5, 1000.0)?;
    within("line height", line_height, 0.1, 10.0)?;
    if let Some(width) = width {
        within("text width", width, 0.0, 1e6)?;
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(TextError::TooLong(text.len()));
    }
    let run = Run {
        fonts,
        first,
        em: size,
    };
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut items: Vec<Item> = Vec::new();
        for c in paragraph.chars().filter(|&c| c == '\t' || !c.is_control()) {
            let mut item = run.item(c);
            if let Some(before) = items.last() {
                item.kern = run.kern(before, &item);
            }
            items.push(item);
        }
        broken(items, width.unwrap_or(f32::INFINITY), &mut lines);
    }
    let scaled = face.as_scaled(scale_of(face, size));
    let finite = |number: f32| {
        if number.is_finite() {
            number.clamp(-4.0 * size, 4.0 * size)
        } else {
            0.0
        }
    };
    let (ascent, height) = (
        finite(scaled.ascent()),
        finite(scaled.height() + scaled.line_gap()).max(0.1 * size) * line_height,
    );
    let longest = lines.iter().map(|line| width_of(line)).fold(0.0, f32::max);
    let column = width.unwrap_or(longest);
    let mut glyphs = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let free = column - width_of(line);
        let mut x = match align {
            TextAlign::Left => 0.0,
            TextAlign::Center => 0.5 * free,
            TextAlign::Right => free,
        };
        let y = ascent + number as f32 * height;
        for (i, item) in line.iter().enumerate() {
            x += if i == 0 { 0.0 } else { item.kern };
            if !item.blank {
                glyphs.push(PlacedGlyph {
                    font: item.font,
                    glyph: item.glyph,
                    at: [x, y],
                });
            }
            x += item.advance;
        }
    }
    let fonts = glyphs.iter().map(|glyph| glyph.font + 1).max().unwrap_or(0);
    Ok(TextLayout {
        glyphs,
        lines: lines.len(),
        size: [
            if align == TextAlign::Left {
                longest
            } else {
                column
            },
            lines.len() as f32 * height,
        ],
        em: size,
        fonts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Text, UiTextureId};

    fn text() -> (Text, FontId) {
        let mut text = Text::new(UiTextureId(0));
        let font = text
            .add_font(epaint_default_fonts::UBUNTU_LIGHT.to_vec())
            .unwrap();
        (text, font)
    }

    /// The column of each glyph's line, from the top.
    fn lines_of(layout: &TextLayout) -> Vec<usize> {
        let mut rows: Vec<(u32, usize)> = Vec::new();
        for glyph in layout.glyphs() {
            match rows.last_mut() {
                Some((y, count)) if *y == glyph.at[1].to_bits() => *count += 1,
                _ => rows.push((glyph.at[1].to_bits(), 1)),
            }
        }
        rows.into_iter().map(|(_, count)| count).collect()
    }

    #[test]
    fn lines_end_where_they_should() {
        let (text, font) = text();
        let style = TextStyle::new(font, 20.0);
        let width_of = |words: &str| text.layout(words, &style).unwrap().size()[0];
        let six = width_of("aaa bbb");
        for (words, width, lines, glyphs) in [
            ("", None, 1, vec![]),
            ("\n\n", None, 3, vec![]),
            ("aaa bbb", None, 1, vec![6]),
            ("aaa\nbbb", None, 2, vec![3, 3]),
            ("aaa\r\nbbb", None, 2, vec![3, 3]),
            ("aaa bbb", Some(six + 0.1), 1, vec![6]),
            ("aaa bbb", Some(six - 0.1), 2, vec![3, 3]),
            ("aaa bbb   ", Some(six + 0.1), 1, vec![6]),
            // What is longer than a line by itself is broken anyway, one glyph a line at the least.
            ("aaaaaa", Some(width_of("aaaa") + 0.1), 2, vec![4, 2]),
            ("aaa", Some(0.0), 3, vec![1, 1, 1]),
            ("a aaaaaa", Some(width_of("aaaa") + 0.1), 3, vec![1, 4, 2]),
        ] {
            let style = TextStyle { width, ..style };
            let layout = text.layout(words, &style).unwrap();
            assert_eq!(layout.lines(), lines, "{words:?} in {width:?}");
            assert_eq!(lines_of(&layout), glyphs, "{words:?} in {width:?}");
            let width = width.unwrap_or(f32::INFINITY).max(width_of("a"));
            assert!(layout.size()[0] <= width + 1e-3, "{words:?}");
        }
    }

    #[test]
    fn lines_are_moved_to_their_side() {
        let (text, font) = text();
        let place = |align, width| {
            let style = TextStyle {
                align,
                width,
                ..TextStyle::new(font, 16.0)
            };
            let layout = text.layout("a longer line\nshort", &style).unwrap();
            let last = layout
                .glyphs()
                .iter()
                .rfind(|glyph| glyph.at[1] < 20.0)
                .unwrap()
                .at[0];
            let second = layout.glyphs()[11].at[0];
            (layout.glyphs()[0].at[0], last, second, layout.size()[0])
        };
        let (left, _, second, size) = place(TextAlign::Left, None);
        assert_eq!((left, second), (0.0, 0.0));
        let (first, _, second, _) = place(TextAlign::Right, None);
        assert_eq!(first, 0.0, "the longest line fills the column");
        assert!(second > 0.4 * size);
        let (_, _, half, _) = place(TextAlign::Center, None);
        assert!(
            (2.0 * half - second).abs() < 1e-3,
            "{half} is half of {second}"
        );
        let (first, _, _, width) = place(TextAlign::Right, Some(500.0));
        assert!((first - (500.0 - size)).abs() < 1e-3);
        assert_eq!(width, 500.0);
    }

    /// A font with one more table: pairs of glyphs and what each is moved by, in units of the font.
    fn with_kern_table(font: &[u8], pairs: &[(u16, u16, i16)]) -> Vec<u8> {
        let mut table = Vec::new();
        let length = 14 + 6 * pairs.len() as u16;
        // Version and number of parts; then version, length, "horizontal", number of pairs, and aids to searching.
        for word in [0, 1, 0, length, 1, pairs.len() as u16, 0, 0, 0] {
            table.extend(word.to_be_bytes());
        }
        for (left, right, by) in pairs {
            table.extend(left.to_be_bytes());
            table.extend(right.to_be_bytes());
            table.extend(by.to_be_bytes());
        }
        let count = usize::from(u16::from_be_bytes([font[4], font[5]]));
        let head = 12 + 16 * count;
        let mut records: Vec<[u8; 16]> = font[12..head]
            .chunks_exact(16)
            .map(|record| {
                let mut record: [u8; 16] = record.try_into().unwrap();
                let offset = u32::from_be_bytes(record[8..12].try_into().unwrap()) + 16;
                record[8..12].copy_from_slice(&offset.to_be_bytes());
                record
            })
            .collect();
        let mut kern = [0; 16];
        kern[..4].copy_from_slice(b"kern");
        kern[8..12].copy_from_slice(&(font.len() as u32 + 16).to_be_bytes());
        kern[12..].copy_from_slice(&(table.len() as u32).to_be_bytes());
        records.push(kern);
        records.sort_unstable();
        let mut made = font[..12].to_vec();
        made[4..6].copy_from_slice(&(count as u16 + 1).to_be_bytes());
        made.extend(records.concat());
        made.extend(&font[head..]);
        made.extend(table);
        made
    }

    #[test]
    fn pairs_are_kerned_and_sizes_scale() {
        let (text, font) = text();
        let glyphs = |words: &str| {
            let layout = text.layout(words, &TextStyle::new(font, 20.0)).unwrap();
            let ids: Vec<_> = layout.glyphs().iter().map(|glyph| glyph.glyph).collect();
            ids
        };
        let [a, v] = glyphs("AV")[..] else {
            panic!("two characters are two glyphs")
        };
        let mut kerned = Text::new(UiTextureId(0));
        let bytes = with_kern_table(epaint_default_fonts::UBUNTU_LIGHT, &[(a, v, -100)]);
        let own = kerned.add_font(bytes).unwrap();
        let width = |text: &Text, words: &str, size| {
            let layout = text.layout(words, &TextStyle::new(own, size)).unwrap();
            layout.size()[0]
        };
        // The font has 1000 units an em: 100 of them at 50 points an em are 5 points.
        for (words, pairs) in [("AV", 1.0), ("VA", 0.0), ("AVAV", 2.0), ("A V", 0.0)] {
            let moved = width(&text, words, 50.0) - width(&kerned, words, 50.0);
            assert!((moved - 5.0 * pairs).abs() < 1e-3, "{words} by {moved}");
        }
        assert!((width(&kerned, "AVA", 40.0) - 2.0 * width(&kerned, "AVA", 20.0)).abs() < 1e-2);
    }

    #[test]
    fn characters_that_a_font_lacks_come_from_the_next() {
        let (mut text, font) = text();
        let style = TextStyle::new(font, 16.0);
        let alone = text.layout("a☔", &style).unwrap();
        assert_eq!(alone.glyphs()[1].glyph, 0, "the font says that it has none");
        text.add_font(epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec())
            .unwrap();
        let both = text.layout("a☔", &style).unwrap();
        assert_eq!((both.glyphs()[0].font, both.glyphs()[1].font), (0, 1));
        assert_ne!(both.glyphs()[1].glyph, 0);
    }

    #[test]
    fn what_cannot_be_laid_out_is_refused() {
        let (text, font) = text();
        let style = TextStyle::new(font, 16.0);
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        for (words, style, message) in [
            (
                "a",
                TextStyle {
                    font: FontId(1),
                    ..style
                },
                "there is no font 1",
            ),
            (
                "a",
                TextStyle { size: 0.0, ..style },
                "a text size of 0 is not within",
            ),
            (
                "a",
                TextStyle {
                    size: f32::NAN,
                    ..style
                },
                "a text size of NaN",
            ),
            (
                "a",
                TextStyle {
                    line_height: -1.0,
                    ..style
                },
                "a line height of -1",
            ),
            (
                "a",
                TextStyle {
                    width: Some(f32::INFINITY),
                    ..style
                },
                "a text width of inf",
            ),
            (&long, style, "is longer than 1048576"),
        ] {
            let error = text.layout(words, &style).unwrap_err().to_string();
            assert!(error.contains(message), "{error}, not {message}");
        }
    }
}
