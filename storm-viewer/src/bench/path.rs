//! A camera path: places to pass through, and what is looked at from each. The same file and number of frames give the same views.

use std::{io::Read, path::Path};

use glam::Vec3;
use serde::Deserialize;
use storm_assets::Bounds;
use storm_render::{Projection, View};

use crate::{error::ViewerError, error::one_line};

/// Keys that a file may have.
const KEYS_MAX: usize = 65_536;
/// Bytes that a file may have.
const BYTES_MAX: u64 = 16 << 20;

/// One place on the way.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Key {
    /// Metres.
    eye: [f32; 3],
    /// Metres.
    target: [f32; 3],
}

/// What is in a file: `{"keys": [{"eye": [x, y, z], "target": [x, y, z]}, …], "yfov": degrees}`, the last optional.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Vec<Key>,
    yfov: Option<f32>,
}

/// Where the camera goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CameraPath {
    keys: Vec<(Vec3, Vec3)>,
    /// Radians.
    yfov: f32,
}

impl CameraPath {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, ViewerError> {
        let wrong = |reason: String| ViewerError::CameraPath {
            path: path.to_owned(),
            reason: one_line(&reason),
        };
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
        if size.len() > BYTES_MAX {
            return Err(wrong(format!(
                "it has {} bytes, {BYTES_MAX} are the limit",
                size.len()
            )));
        }
        // Some files that have no size have no end.
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text))
            .map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let count = file.keys.len();
        if !(1..=KEYS_MAX).contains(&count) {
            return Err(format!("it has {count} keys, 1 to {KEYS_MAX} are expected"));
        }
        let yfov = file.yfov.unwrap_or(50.0);
        if !(1.0..=179.0).contains(&yfov) {
            return Err(format!("yfov is {yfov}, 1 to 179 degrees are expected"));
        }
        let mut keys = Vec::with_capacity(count);
        for (number, key) in file.keys.iter().enumerate() {
            let (eye, target) = (Vec3::from(key.eye), Vec3::from(key.target));
            // Numbers that JSON cannot hold are read as infinite.
            if !(eye.is_finite() && target.is_finite() && (target - eye).is_finite()) {
                return Err(format!("key {number} has a number that is not finite"));
            }
            if (target - eye).try_normalize().is_none() {
                return Err(format!("key {number} looks at the place where it is"));
            }
            keys.push((eye, target));
        }
        Ok(Self {
            keys,
            yfov: yfov.to_radians(),
        })
    }

    /// Around what there is, from far to near and out again.
    pub(super) fn around(bounds: Bounds) -> Self {
        let (middle, radius) = if bounds.is_empty() {
            (Vec3::ZERO, 1.0)
        } else {
            (bounds.center(), bounds.radius().max(1e-3))
        };
        let keys = (0..=8).map(|i| {
            let part = i as f32 / 8.0;
            let angle = part * std::f32::consts::TAU;
            let near = (angle.cos() * 0.5 + 0.5) * 0.85 + 0.15;
            let eye = Vec3::new(angle.sin(), 0.12 + 0.25 * near, angle.cos()) * radius * 1.4 * near;
            (middle + eye, middle)
        });
        Self {
            keys: keys.collect(),
            yfov: 50.0_f32.to_radians(),
        }
    }

    /// The views of a run of frames: the first is at the first key, the last at the last.
    pub(super) fn views(&self, frames: u32) -> impl Iterator<Item = View> + '_ {
        let last = self.keys.len() - 1;
        (0..frames).map(move |frame| {
            let along = if frames > 1 {
                f64::from(frame) / f64::from(frames - 1) * last as f64
            } else {
                0.0
            };
            let key = (along as usize).min(last.saturating_sub(1));
            self.view(key, (along - key as f64) as f32)
        })
    }

    /// Between a key and the next: a spline of Catmull and Rom, which passes through all keys.
    fn view(&self, key: usize, part: f32) -> View {
        let at = |offset: isize| {
            let index = (key as isize + offset).clamp(0, self.keys.len() as isize - 1);
            self.keys[index as usize]
        };
        let (a, b, c, d) = (at(-1), at(0), at(1), at(2));
        let spline = |a: Vec3, b: Vec3, c: Vec3, d: Vec3| {
            let t = part;
            0.5 * (2.0 * b
                + (c - a) * t
                + (2.0 * a - 5.0 * b + 4.0 * c - d) * (t * t)
                + (3.0 * b - a - 3.0 * c + d) * (t * t * t))
        };
        let eye = spline(a.0, b.0, c.0, d.0);
        let target = spline(a.1, b.1, c.1, d.1);
        // Where the spline brings the two together, the key's own direction holds.
        let target = if (target - eye).try_normalize().is_some() {
            target
        } else {
            eye + (b.1 - b.0)
        };
        let mut view = View::look_at(eye, target);
        if let Projection::Perspective { yfov, .. } = &mut view.projection {
            *yfov = self.yfov;
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"keys": [{"eye": [0, 0, 10], "target": [0, 0, 0]}, {"eye": [10, 0, 0], "target": [0, 0, 0]}]}"#;

    #[test]
    fn a_path_begins_and_ends_at_its_keys_and_is_the_same_each_time() {
        let path = CameraPath::parse(TWO).unwrap();
        for frames in [2, 3, 60] {
            let views: Vec<View> = path.views(frames).collect();
            assert_eq!(views.len(), frames as usize);
            assert_eq!(views[0].translation, Vec3::new(0.0, 0.0, 10.0));
            assert_eq!(views.last().unwrap().translation, Vec3::new(10.0, 0.0, 0.0));
            assert_eq!(views, path.views(frames).collect::<Vec<_>>());
        }
        assert_eq!(path.views(1).count(), 1, "one frame is at the first key");
        assert_eq!(path.views(0).count(), 0);
    }

    #[test]
    fn one_key_stands_still() {
        let path =
            CameraPath::parse(r#"{"keys": [{"eye": [1, 2, 3], "target": [0, 0, 0]}], "yfov": 30}"#)
                .unwrap();
        let views: Vec<View> = path.views(5).collect();
        assert!(views.iter().all(|view| *view == views[0]));
        let Projection::Perspective { yfov, .. } = views[0].projection else {
            panic!("a path is seen in perspective");
        };
        assert!((yfov.to_degrees() - 30.0).abs() < 1e-4);
    }

    #[test]
    fn what_is_no_path_is_an_error_that_says_why() {
        for (text, message) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            (r#"{"keys": []}"#, "it has 0 keys, 1 to 65536 are expected"),
            (
                r#"{"keys": [{"eye": [0, 0, 0], "target": [0, 0, 0]}]}"#,
                "key 0 looks at the place where it is",
            ),
            (
                r#"{"keys": [{"eye": [0, 0, 1e99], "target": [0, 0, 0]}]}"#,
                "key 0 has a number that is not finite",
            ),
            (
                r#"{"keys": [{"eye": [0, 0, 1], "target": [0, 0, 0]}], "yfov": 0}"#,
                "yfov is 0, 1 to 179 degrees are expected",
            ),
        ] {
            assert_eq!(CameraPath::parse(text).unwrap_err(), message, "{text}");
        }
        for text in [
            r#"{"keys": [{"eye": [0, 0], "target": [0, 0, 0]}]}"#,
            r#"{"keys": [{"eye": [0, 0, 1], "target": [0, 0, 0], "up": 1}]}"#,
        ] {
            assert!(CameraPath::parse(text).is_err(), "{text}");
        }
    }
}
