//! Which level of a mesh a view sees: the coarsest whose error, projected, is below a number of pixels.
//!
//! The GPU chooses, in `shaders/cull_test.comp`. It multiplies, adds and compares, and does nothing else: that is exact in
//! IEEE arithmetic, so that [`choose`] says the same on the CPU, to the last instance, and a test compares the two.

#[cfg(test)]
use crate::frame::cull::CullView;

/// The `level_scale` of a view: the square of how many times the allowed error a metre at distance 1 is. Infinite where nothing
/// but the finest level will do.
pub(crate) fn scale(clip_from_relative: &glam::Mat4, extent: [f32; 2], pixels: f32) -> f32 {
    if pixels <= 0.0 {
        return f32::INFINITY;
    }
    let row = |i: usize| clip_from_relative.row(i).truncate().length() * extent[i] * 0.5;
    let most = row(0).max(row(1)) / pixels;
    most * most
}

/// What the choice depends on beside the view.
#[cfg(test)]
pub(crate) struct Place<'a> {
    pub(crate) transform: &'a crate::InstanceTransform,
    pub(crate) camera_cell: [i32; 3],
    pub(crate) camera_translation: [f32; 3],
    /// Corners of the box around the mesh.
    pub(crate) low: [f32; 3],
    pub(crate) high: [f32; 3],
    /// Of the levels after the finest, metres.
    pub(crate) errors: &'a [f32],
}

/// The level, as `choose` of `shaders/cull_test.comp` computes it, operation by operation.
#[cfg(test)]
pub(crate) fn choose(view: &CullView, place: &Place<'_>) -> u32 {
    let rows = place.transform.rows;
    let origin = [0, 1, 2].map(|axis| {
        let cells = place.transform.cell[axis] - place.camera_cell[axis];
        cells as f32 * crate::CELL_SIZE - place.camera_translation[axis]
    });
    let middle = [0, 1, 2].map(|i| 0.5 * (place.low[i] + place.high[i]));
    let reach = [0, 1, 2].map(|i| 0.5 * (place.high[i] - place.low[i]));
    let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let at = [0, 1, 2].map(|i| {
        let row = [rows[i][0], rows[i][1], rows[i][2]];
        dot(row, middle) + rows[i][3] + origin[i]
    });
    let m = view.clip_from_relative;
    let depth = [m[0][3], m[1][3], m[2][3]];
    let column = |i: usize| [rows[0][i], rows[1][i], rows[2][i]];
    let mut nearest = dot(depth, at) + m[3][3];
    let mut largest = 0.0_f32;
    for (i, reach) in reach.into_iter().enumerate() {
        nearest -= (dot(depth, column(i)) * reach).abs();
        largest = largest.max(dot(column(i), column(i)));
    }
    let limit = nearest * nearest;
    let mut level = 0;
    for (i, error) in place.errors.iter().enumerate() {
        if nearest > 0.0 && error * error * largest * view.level_scale <= limit {
            level = i as u32 + 1;
        }
    }
    level
}

#[cfg(test)]
#[path = "level_tests.rs"]
mod tests;
