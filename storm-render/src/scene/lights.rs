//! Lights of a scene beside the sun, and lines over its picture.

use glam::Vec3;

use super::{
    Scene,
    layout::{self, LightInfo, LineInfo},
};
use crate::{
    error::{RenderError, Result},
    gpu::buffer::Buffer,
    quality::ShadowQuality,
    shadow,
    view::View,
};

/// A light at a place. Units are those of `KHR_lights_punctual`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// The cell of the world that it is in.
    pub cell: [i32; 3],
    /// Metres from the low corner of the cell.
    pub translation: Vec3,
    /// Linear RGB times candela, on the scale of [`Sky::sun_color`](crate::Sky::sun_color).
    pub color: Vec3,
    /// Metres beyond which it lights nothing.
    pub range: f32,
    /// Where it points, and the angles from there at which it begins to fade and is gone, radians; `None` for all round.
    pub spot: Option<Spot>,
}

/// The cone of a spot light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Where it points. Normalised when used.
    pub direction: Vec3,
    /// Where it begins to fade.
    pub inner: f32,
    /// Where it is gone; more than `inner`.
    pub outer: f32,
}

/// A line that is drawn over the picture, a pixel wide, whatever is in front of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The cell of the world that both ends are counted from.
    pub cell: [i32; 3],
    /// One end, metres from the low corner of the cell.
    pub from: Vec3,
    /// The other.
    pub to: Vec3,
    /// Linear RGB and opacity, as they are to be seen.
    pub color: [f32; 4],
}

/// The most lights of a scene beside the sun.
pub const LIGHTS_MAX: usize = 16_384;

impl Scene {
    /// Sets all lights but the sun.
    ///
    /// # Errors
    /// When there are more than [`LIGHTS_MAX`].
    pub fn set_lights(&mut self, lights: &[Light]) -> Result<()> {
        if lights.len() > LIGHTS_MAX {
            let (needed, limit) = (lights.len() as u64, LIGHTS_MAX as u64);
            return Err(RenderError::OutOfSpace {
                what: "lights",
                needed,
                limit,
            });
        }
        let infos: Vec<_> = lights.iter().map(light_info).collect();
        if infos != self.light_infos {
            self.light_infos = infos;
            self.shadowed = None;
        }
        Ok(())
    }

    /// Sets all lines that are drawn over the picture: gizmos, bounds, paths.
    ///
    /// # Errors
    /// When there is no room left.
    pub fn set_lines(&mut self, lines: &[Line]) -> Result<()> {
        let infos: Vec<_> = lines.iter().map(LineInfo::of).collect();
        if infos != self.line_infos {
            if !infos.is_empty() {
                self.lines.write(&mut self.uploads, 0, &infos)?;
            }
            self.line_infos = infos;
        }
        Ok(())
    }

    /// The table of lines, and how many there are.
    pub(crate) fn lines(&self) -> (&Buffer, u32) {
        (self.lines.buffer(), self.line_infos.len() as u32)
    }

    /// Uploads the lights where they or those that have shadow maps are others than before; gives the latter.
    pub(crate) fn prepare_lights(
        &mut self,
        view: &View,
        quality: Option<&ShadowQuality>,
    ) -> Result<Vec<(LightInfo, u32)>> {
        let chosen = quality.map_or(Vec::new(), |quality| {
            shadow::choose(view, &self.light_infos, quality)
        });
        let shadowed = chosen
            .iter()
            .map(|&(light, first)| (self.light_infos[light as usize], first))
            .collect();
        if self.shadowed.as_ref() != Some(&chosen) {
            self.shadowed = None;
            let mut infos = self.light_infos.clone();
            for &(light, first) in &chosen {
                infos[light as usize].shadow =
                    first + quality.map_or(0, |quality| quality.cascades);
            }
            if !infos.is_empty() {
                self.lights.write(&mut self.uploads, 0, &infos)?;
            }
            self.shadowed = Some(chosen);
        }
        Ok(shadowed)
    }

    pub(crate) fn light_count(&self) -> u32 {
        self.light_infos.len() as u32
    }
}

fn light_info(light: &Light) -> LightInfo {
    let (spot_scale, spot_offset, direction) = match light.spot {
        None => (0.0, 0.0, Vec3::NEG_Z),
        Some(Spot {
            direction,
            inner,
            outer,
        }) => {
            // The suggested fade of KHR_lights_punctual.
            let scale = 1.0 / (inner.cos() - outer.cos()).max(1e-3);
            (
                scale,
                -outer.cos() * scale,
                direction.try_normalize().unwrap_or(Vec3::NEG_Z),
            )
        }
    };
    LightInfo {
        translation: light.translation.into(),
        // Squared in the shader: keep it finite.
        range: light.range.clamp(0.0, 1e9),
        cell: light.cell,
        spot_scale,
        color: light.color.into(),
        spot_offset,
        direction: direction.into(),
        shadow: layout::NONE,
    }
}
