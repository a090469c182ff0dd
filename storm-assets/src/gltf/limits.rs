//! How much a file may make us allocate, and the purse that every allocation sized by the file is paid from.

use super::error::Problem;
use crate::Image;

/// Upper bounds for one file. The defaults suit files of any honest size on a machine with a few GiB to spare.
///
/// [`Limits::peak_bytes`] is the bound on memory that follows from them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The file with all that it refers to, bytes.
    pub input_bytes_max: u64,
    /// The JSON part, bytes.
    pub json_bytes_max: u64,
    /// Bytes of values (vertices, keyframes, nodes) that any file may ask for, however small it is.
    pub value_bytes_base: u64,
    /// Bytes of values that each byte of input may ask for on top.
    pub value_bytes_per_input_byte: u64,
    /// All decoded pictures together, bytes.
    pub image_bytes_max: u64,
    /// Levels of the node hierarchy.
    pub node_depth_max: u32,
    /// Warnings kept; later ones are counted only.
    pub warnings_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes_max: 2 << 30,
            json_bytes_max: 256 << 20,
            value_bytes_base: 64 << 20,
            value_bytes_per_input_byte: 16,
            image_bytes_max: 4 << 30,
            node_depth_max: 512,
            warnings_max: 256,
        }
    }
}

/// Bytes of the largest [`Image`](crate::Image).
const LARGEST_PICTURE: u64 = (Image::SIDE_MAX as u64).pow(2) * 4;

impl Limits {
    /// The most bytes that live at any moment while a file is read, besides the bytes that the caller handed in.
    ///
    /// `input` is the file with all that it refers to, `json` its JSON part, both in bytes. 24 bytes for each byte of JSON are the document;
    /// values and pictures are paid for before they are made; one picture at a time takes up to three times its size more while it is decoded;
    /// buffers from outside are held until the end. One MiB covers what does not depend on the file.
    #[must_use]
    pub fn peak_bytes(&self, input: u64, json: u64) -> u64 {
        [
            self.value_bytes_base,
            self.value_bytes_per_input_byte.saturating_mul(input),
            json.saturating_mul(24),
            self.image_bytes_max,
            self.image_bytes_max.min(LARGEST_PICTURE).saturating_mul(3),
            input,
            1 << 20,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    input: u64,
    values: u64,
    images: u64,
    /// Who else is asked, where several files are read at once.
    #[cfg(feature = "loader")]
    charge: Option<std::sync::Arc<crate::loader::Charge>>,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            input: 0,
            values: 0,
            images: 0,
            #[cfg(feature = "loader")]
            charge: None,
        }
    }

    /// Has everything paid from there, too.
    #[cfg(feature = "loader")]
    pub(super) fn charge_to(&mut self, charge: std::sync::Arc<crate::loader::Charge>) {
        self.charge = Some(charge);
    }

    /// Notes that `bytes` of input came in.
    pub(super) fn input(
        &mut self,
        bytes: usize,
        pointer: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        let found = self.input.saturating_add(bytes as u64);
        if found > self.limits.input_bytes_max {
            return Err(Problem::Limit {
                pointer: pointer(),
                what: "the input in bytes",
                limit: self.limits.input_bytes_max,
                found,
            });
        }
        self.input = found;
        #[cfg(feature = "loader")]
        if let Some(charge) = &self.charge {
            charge.input(bytes as u64)?;
        }
        Ok(())
    }

    /// How many bytes of input may still come in.
    pub(super) fn input_left(&self) -> u64 {
        self.limits.input_bytes_max - self.input
    }

    /// Pays for `count` values of type `T` that are about to be allocated.
    pub(super) fn values<T>(
        &mut self,
        count: usize,
        pointer: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
        let found = self.values.saturating_add(bytes);
        let limit = self.limits.value_bytes_base.saturating_add(
            self.limits
                .value_bytes_per_input_byte
                .saturating_mul(self.input),
        );
        if found > limit {
            return Err(Problem::Limit {
                pointer: pointer(),
                what: "the values read so far in bytes",
                limit,
                found,
            });
        }
        self.values = found;
        #[cfg(feature = "loader")]
        if let Some(charge) = &self.charge {
            charge.values(bytes)?;
        }
        Ok(())
    }

    /// Pays for a list of `count` values and makes room for it, exactly.
    pub(super) fn list<T>(
        &mut self,
        count: usize,
        pointer: impl Fn() -> String,
    ) -> Result<Vec<T>, Problem> {
        self.values::<T>(count, &pointer)?;
        let mut list = Vec::new();
        // A file may be within its limits and still ask for more than this machine has.
        list.try_reserve_exact(count).map_err(|_| Problem::Memory {
            pointer: pointer(),
            bytes: (count as u64).saturating_mul(size_of::<T>() as u64),
        })?;
        Ok(list)
    }

    /// Pays for the decoded pixels of a picture.
    pub(super) fn image(
        &mut self,
        bytes: u64,
        pointer: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        let found = self.images.saturating_add(bytes);
        if found > self.limits.image_bytes_max {
            return Err(Problem::Limit {
                pointer: pointer(),
                what: "the decoded pictures in bytes",
                limit: self.limits.image_bytes_max,
                found,
            });
        }
        self.images = found;
        #[cfg(feature = "loader")]
        if let Some(charge) = &self.charge {
            charge.values(bytes)?;
        }
        Ok(())
    }
}
