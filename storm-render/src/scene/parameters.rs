//! Named numbers that shaders read: of the whole scene, and of single materials, which go before.

use std::{collections::HashMap, sync::Arc};

use super::{arena::Table, upload::Uploads};
use crate::{
    error::{RenderError, Result},
    gpu::{buffer::Buffer, device::Device},
};

/// The most names of a scene.
pub(crate) const PARAMETERS_MAX: usize = 8;
/// Stands for "as the scene says" in a material's row.
const UNSET: u32 = u32::MAX;

/// Names that every scene has, with the value that changes nothing. The shaders know them by these numbers.
const KNOWN: [(&str, f32); 1] = [("harmony", 1.0)];

type Row = [u32; PARAMETERS_MAX];

/// The parameters of a scene.
pub(crate) struct Parameters {
    names: Vec<String>,
    /// Row 0 is the scene's, the others are materials', by number.
    rows: Table<Row>,
    scene: Row,
    materials: HashMap<u32, Row>,
    /// Rows that were written.
    written: u32,
}

impl Parameters {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        let mut scene = [0; PARAMETERS_MAX];
        for (value, (_, known)) in scene.iter_mut().zip(KNOWN) {
            *value = known.to_bits();
        }
        Ok(Self {
            names: KNOWN.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rows: Table::new(device, "shader parameters", 256)?,
            scene,
            materials: HashMap::new(),
            written: 0,
        })
    }

    /// The number of a name; a new one where it is not known.
    pub(crate) fn number(&mut self, name: &str) -> Result<usize> {
        if let Some(number) = self.names.iter().position(|known| known == name) {
            return Ok(number);
        }
        if self.names.len() == PARAMETERS_MAX {
            return Err(RenderError::OutOfSpace {
                what: "names of shader parameters",
                needed: PARAMETERS_MAX as u64 + 1,
                limit: PARAMETERS_MAX as u64,
            });
        }
        self.names.push(name.to_owned());
        Ok(self.names.len() - 1)
    }

    pub(crate) fn set(&mut self, uploads: &mut Uploads, number: usize, value: f32) -> Result<()> {
        self.scene[number] = value.to_bits();
        self.rows.write(uploads, 0, &[self.scene])
    }

    pub(crate) fn set_of_material(
        &mut self,
        uploads: &mut Uploads,
        material: u32,
        number: usize,
        value: Option<f32>,
    ) -> Result<()> {
        let row = self
            .materials
            .entry(material)
            .or_insert([UNSET; PARAMETERS_MAX]);
        row[number] = value.map_or(UNSET, f32::to_bits);
        let row = *row;
        self.grow(uploads, material + 1)?;
        self.rows.write(uploads, material + 1, &[row])
    }

    /// Makes rows for this many materials: shaders read the row of each that there is.
    pub(crate) fn grow(&mut self, uploads: &mut Uploads, materials: u32) -> Result<()> {
        if self.written == 0 {
            self.rows.write(uploads, 0, &[self.scene])?;
            self.written = 1;
        }
        let rows = materials + 1;
        if rows > self.written {
            let new = vec![[UNSET; PARAMETERS_MAX]; (rows - self.written) as usize];
            self.rows.write(uploads, self.written, &new)?;
            self.written = rows;
        }
        Ok(())
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        self.rows.buffer()
    }
}
