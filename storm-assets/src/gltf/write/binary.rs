//! The binary chunk with its views and accessors, and the container around it (glTF 2.0 §3.6, §4).

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{WriteError, list, numbers};

/// What the bytes of a view are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Use {
    /// Vertex attributes.
    Vertices,
    /// Indices of vertices.
    Indices,
    /// Anything else.
    Data,
}

/// The type of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Component {
    I8,
    U8,
    I16,
    U16,
    U32,
    F32,
}

impl Component {
    const fn code(self) -> u32 {
        match self {
            Self::I8 => 5120,
            Self::U8 => 5121,
            Self::I16 => 5122,
            Self::U16 => 5123,
            Self::U32 => 5125,
            Self::F32 => 5126,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }
}

/// How the numbers of an accessor are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    pub(super) component: Component,
    /// As glTF names it: `SCALAR`, `VEC3`, `MAT4` …
    pub(super) shape: &'static str,
    pub(super) normalized: bool,
    pub(super) usage: Use,
}

impl Layout {
    pub(super) const fn floats(shape: &'static str, usage: Use) -> Self {
        Self {
            component: Component::F32,
            shape,
            normalized: false,
            usage,
        }
    }

    fn width(self) -> usize {
        match self.shape {
            "SCALAR" => 1,
            "VEC2" => 2,
            "VEC3" => 3,
            "VEC4" => 4,
            "MAT3" => 9,
            _ => 16,
        }
    }
}

/// Smallest and largest value of each component.
pub(super) type Range = (Vec<f32>, Vec<f32>);

/// All bytes of a file. Equal accessors are stored once.
#[derive(Default)]
pub(super) struct Binary {
    pub(super) bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    /// By what decides all of an accessor. Looked up only, never walked through.
    seen: HashMap<(blake3::Hash, Layout, bool), usize>,
}

impl Binary {
    /// Bytes of a picture; gives the view.
    pub(super) fn view(&mut self, bytes: &[u8]) -> usize {
        self.push(bytes, None, Use::Data)
    }

    fn push(&mut self, bytes: &[u8], stride: Option<usize>, usage: Use) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let mut view = json!({ "buffer": 0, "byteLength": bytes.len() });
        if !self.bytes.is_empty() {
            view["byteOffset"] = json!(self.bytes.len());
        }
        if let Some(stride) = stride {
            view["byteStride"] = json!(stride);
        }
        match usage {
            Use::Vertices => view["target"] = json!(34962),
            Use::Indices => view["target"] = json!(34963),
            Use::Data => {}
        }
        self.bytes.extend_from_slice(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    /// Floats of `N` components; the range of values goes with them where `ranged`.
    pub(super) fn floats<const N: usize>(
        &mut self,
        values: &[[f32; N]],
        layout: Layout,
        ranged: bool,
        what: impl Fn() -> String,
    ) -> Result<usize, WriteError> {
        let flat = values.as_flattened();
        if !flat.iter().all(|value| value.is_finite()) {
            return Err(WriteError::NotFinite { what: what() });
        }
        let range = ranged.then(|| {
            let start = (vec![f32::INFINITY; N], vec![f32::NEG_INFINITY; N]);
            values.iter().fold(start, |(mut min, mut max), value| {
                for axis in 0..N {
                    min[axis] = min[axis].min(value[axis]);
                    max[axis] = max[axis].max(value[axis]);
                }
                (min, max)
            })
        });
        // The format is little-endian.
        let swapped: Vec<u8>;
        let bytes = if cfg!(target_endian = "little") {
            bytemuck::cast_slice(flat)
        } else {
            swapped = flat.iter().flat_map(|value| value.to_le_bytes()).collect();
            &swapped
        };
        self.accessor(bytes, values.len(), layout, range, what)
    }

    /// An accessor over its bytes, elements of vertices padded to four bytes already. `count` is over 0.
    pub(super) fn accessor(
        &mut self,
        bytes: &[u8],
        count: usize,
        layout: Layout,
        range: Option<Range>,
        what: impl Fn() -> String,
    ) -> Result<usize, WriteError> {
        let key = (blake3::hash(bytes), layout, range.is_some());
        if let Some(accessor) = self.seen.get(&key) {
            return Ok(*accessor);
        }
        let element = layout.width() * layout.component.bytes();
        let padded = bytes.len() / count;
        let stride = (padded != element).then_some(padded);
        let view = self.push(bytes, stride, layout.usage);
        let mut accessor = json!({
            "bufferView": view,
            "componentType": layout.component.code(),
            "count": count,
            "type": layout.shape,
        });
        if layout.normalized {
            accessor["normalized"] = json!(true);
        }
        if let Some((min, max)) = range {
            accessor["min"] = numbers(&min, &what)?;
            accessor["max"] = numbers(&max, &what)?;
        }
        self.accessors.push(accessor);
        self.seen.insert(key, self.accessors.len() - 1);
        Ok(self.accessors.len() - 1)
    }

    /// Puts buffers, views and accessors into the document.
    pub(super) fn finish(&mut self, root: &mut Map<String, Value>) {
        if !self.bytes.is_empty() {
            root.insert(
                "buffers".to_owned(),
                json!([{ "byteLength": self.bytes.len() }]),
            );
        }
        list(root, "bufferViews", std::mem::take(&mut self.views));
        list(root, "accessors", std::mem::take(&mut self.accessors));
    }
}

/// A GLB of its two chunks.
pub(super) fn container(mut json: Vec<u8>, mut binary: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    json.resize(json.len().next_multiple_of(4), b' ');
    binary.resize(binary.len().next_multiple_of(4), 0);
    let chunk = |bytes: &[u8]| if bytes.is_empty() { 0 } else { 8 + bytes.len() };
    let length = 12 + chunk(&json) + chunk(&binary);
    let word = |value: usize| {
        let too_large = WriteError::TooLarge {
            bytes: length as u64,
        };
        u32::try_from(value)
            .map(u32::to_le_bytes)
            .map_err(|_| too_large)
    };
    let mut file = Vec::with_capacity(length);
    file.extend(b"glTF\x02\0\0\0");
    file.extend(word(length)?);
    for (kind, bytes) in [(b"JSON", &json), (b"BIN\0", &binary)] {
        if !bytes.is_empty() {
            file.extend(word(bytes.len())?);
            file.extend(kind);
            file.extend_from_slice(bytes);
        }
    }
    Ok(file)
}
