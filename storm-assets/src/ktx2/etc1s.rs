//! ETC1S textures in BasisLZ streams: codebooks of endpoints and selectors, and slices of blocks that point into them, after the Basis
//! Universal texture specification §7 to §10.

use super::{
    Ktx2Error,
    bits::{Bits, Huffman},
};

/// A colour and how far the four colours of a block are from it.
#[derive(Clone, Copy)]
struct Endpoint {
    /// Five bits each.
    color: [u8; 3],
    /// Row of [`INTENSITIES`].
    intensity: u8,
}

/// Of each of 16 pixels which of four colours it has: a byte a row, two bits a pixel.
type Selector = [u8; 4];

/// What ETC1 adds to the colour of a block, darkest first.
const INTENSITIES: [[i16; 4]; 8] = [
    [-8, -2, 2, 8],
    [-17, -5, 5, 17],
    [-29, -9, 9, 29],
    [-42, -13, 13, 42],
    [-60, -18, 18, 60],
    [-80, -24, 24, 80],
    [-106, -33, 33, 106],
    [-183, -47, 47, 183],
];

impl Endpoint {
    fn colors(self) -> [[u8; 3]; 4] {
        INTENSITIES[usize::from(self.intensity)].map(|step| {
            self.color
                .map(|c| (i16::from(c << 3 | c >> 2) + step).clamp(0, 255) as u8)
        })
    }
}

/// What all slices of a texture share.
pub(super) struct Codebooks {
    endpoints: Vec<Endpoint>,
    selectors: Vec<Selector>,
    predictor: Huffman,
    delta: Huffman,
    selector: Huffman,
    run: Huffman,
    history: usize,
}

impl Codebooks {
    /// Reads the codebooks: numbers of entries, then the three streams.
    pub(super) fn read(
        counts: (u16, u16),
        endpoints: &[u8],
        selectors: &[u8],
        tables: &[u8],
    ) -> Result<Self, Ktx2Error> {
        let endpoints = read_endpoints(counts.0, endpoints)?;
        let selectors = read_selectors(counts.1, selectors)?;
        let mut bits = Bits::new(tables);
        let codebooks = Self {
            endpoints,
            selectors,
            predictor: Huffman::read(&mut bits)?,
            delta: Huffman::read(&mut bits)?,
            selector: Huffman::read(&mut bits)?,
            run: Huffman::read(&mut bits)?,
            history: bits.take(13) as usize,
        };
        match bits.overrun() {
            true => Err(Ktx2Error::Data("tables that end too early")),
            false => Ok(codebooks),
        }
    }

    /// Decodes a slice of `columns` × `rows` blocks; gives each block's place and its 16 colours, rows from top to bottom.
    pub(super) fn slice(
        &self,
        slice: &[u8],
        columns: usize,
        rows: usize,
        mut put: impl FnMut(usize, usize, [[u8; 3]; 16]),
    ) -> Result<(), Ktx2Error> {
        /// The symbol that repeats the last predictors.
        const REPEAT: u16 = 256;
        const SHORTEST_RUN: u32 = 3;
        let mut bits = Bits::new(slice);
        let selectors = self.selectors.len();
        // Endpoints of this row and the one above, and the predictors of this row when it is an odd one.
        let mut above = vec![0usize; columns];
        let mut here = vec![0usize; columns];
        let mut below = vec![0u8; columns.div_ceil(2)];
        let mut predictors = 0u8;
        let mut last_predictors = 0u8;
        let mut predictor_repeats = 0u32;
        let mut endpoint = 0usize;
        let mut selector_repeats = 0u32;
        let mut history = History::new(self.history);
        for row in 0..rows {
            for column in 0..columns {
                if column % 2 == 0 {
                    if row % 2 == 1 {
                        predictors = below[column / 2];
                    } else {
                        if predictor_repeats > 0 {
                            predictor_repeats -= 1;
                            predictors = last_predictors;
                        } else {
                            match self.predictor.symbol(&mut bits)? {
                                REPEAT => {
                                    predictor_repeats =
                                        bits.variable(4)?.saturating_add(SHORTEST_RUN - 1);
                                    predictors = last_predictors;
                                }
                                symbol => {
                                    // Two bits for each of two by two blocks.
                                    predictors = u8::try_from(symbol)
                                        .map_err(|_| Ktx2Error::Data("an unknown predictor"))?;
                                    last_predictors = predictors;
                                }
                            }
                        }
                        below[column / 2] = predictors >> 4;
                    }
                }
                let missing = Ktx2Error::Data("a block that repeats one outside of the picture");
                endpoint = match predictors & 3 {
                    0 if column > 0 => endpoint,
                    1 if row > 0 => above[column],
                    2 if row > 0 && column > 0 => above[column - 1],
                    3 => {
                        let sum = endpoint + usize::from(self.delta.symbol(&mut bits)?);
                        match sum.checked_sub(self.endpoints.len()) {
                            Some(wrapped) => wrapped,
                            None => sum,
                        }
                    }
                    _ => return Err(missing),
                };
                predictors >>= 2;
                here[column] = endpoint;

                let symbol = if selector_repeats > 0 {
                    selector_repeats -= 1;
                    selectors
                } else {
                    let symbol = usize::from(self.selector.symbol(&mut bits)?);
                    if symbol == selectors + self.history {
                        selector_repeats = match self.run.symbol(&mut bits)? {
                            63 => bits.variable(7)?,
                            run => u32::from(run),
                        }
                        .saturating_add(SHORTEST_RUN - 1);
                        selectors
                    } else {
                        symbol
                    }
                };
                let selector = if symbol >= selectors {
                    history
                        .recall(symbol - selectors)
                        .ok_or(Ktx2Error::Data("a selector before the first"))?
                } else {
                    history.add(symbol);
                    symbol
                };
                if bits.overrun() {
                    return Err(Ktx2Error::Data("a slice that ends too early"));
                }
                let (Some(ends), Some(selector)) =
                    (self.endpoints.get(endpoint), self.selectors.get(selector))
                else {
                    return Err(Ktx2Error::Data("an entry past the end of its codebook"));
                };
                let colors = ends.colors();
                put(
                    column,
                    row,
                    std::array::from_fn(|at| {
                        colors[usize::from(selector[at / 4] >> (at % 4 * 2) & 3)]
                    }),
                );
            }
            std::mem::swap(&mut above, &mut here);
        }
        Ok(())
    }
}

/// Selectors that were used lately, roughly the most used first.
struct History {
    list: Vec<usize>,
    next: usize,
}

impl History {
    fn new(len: usize) -> Self {
        Self {
            list: vec![0; len],
            next: len / 2,
        }
    }

    fn add(&mut self, selector: usize) {
        let len = self.list.len();
        if let Some(slot) = self.list.get_mut(self.next) {
            *slot = selector;
            self.next += 1;
            if self.next == len {
                self.next = len / 2;
            }
        }
    }

    fn recall(&mut self, at: usize) -> Option<usize> {
        let selector = *self.list.get(at)?;
        self.list.swap(at, at / 2);
        Some(selector)
    }
}

fn read_endpoints(count: u16, stream: &[u8]) -> Result<Vec<Endpoint>, Ktx2Error> {
    let mut bits = Bits::new(stream);
    // Which code a difference has depends on the value before it.
    let low = Huffman::read(&mut bits)?;
    let middle = Huffman::read(&mut bits)?;
    let high = Huffman::read(&mut bits)?;
    let intensity = Huffman::read(&mut bits)?;
    let gray = bits.take(1) == 1;
    let mut last = Endpoint {
        color: [16; 3],
        intensity: 0,
    };
    let mut endpoints = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        last.intensity = ((u16::from(last.intensity) + intensity.symbol(&mut bits)?) & 7) as u8;
        for channel in 0..if gray { 1 } else { 3 } {
            let value = &mut last.color[channel];
            let code = match *value {
                0..=9 => &low,
                10..=21 => &middle,
                _ => &high,
            };
            *value = ((u16::from(*value) + code.symbol(&mut bits)?) & 31) as u8;
        }
        if gray {
            last.color = [last.color[0]; 3];
        }
        if bits.overrun() {
            return Err(Ktx2Error::Data("endpoints that end too early"));
        }
        endpoints.push(last);
    }
    Ok(endpoints)
}

fn read_selectors(count: u16, stream: &[u8]) -> Result<Vec<Selector>, Ktx2Error> {
    let mut bits = Bits::new(stream);
    let [global, hybrid, raw] = [(); 3].map(|()| bits.take(1) == 1);
    if global || hybrid {
        return Err(Ktx2Error::Unsupported("selectors of a global codebook"));
    }
    let code = match raw {
        true => None,
        false => Some(Huffman::read(&mut bits)?),
    };
    let mut last = [0; 4];
    let mut selectors = Vec::with_capacity(usize::from(count));
    for index in 0..count {
        for row in &mut last {
            match &code {
                // The first has none before it to differ from.
                Some(code) if index > 0 => *row ^= code.symbol(&mut bits)? as u8,
                _ => *row = bits.take(8) as u8,
            }
        }
        if bits.overrun() {
            return Err(Ktx2Error::Data("selectors that end too early"));
        }
        selectors.push(last);
    }
    Ok(selectors)
}
