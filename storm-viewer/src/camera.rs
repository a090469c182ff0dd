//! Where the picture is taken from: what `--camera` can say, and the camera that orbits a target.

use std::{f32::consts::FRAC_PI_2, fmt, str::FromStr};

use glam::{Quat, Vec3};
use storm_assets::Bounds;
use storm_render::{Projection, View};

/// How `--camera` is written, for help and errors.
pub const CAMERA_SYNTAX: &str = "a camera's name or number, orbit:YAW,PITCH,DISTANCE (degrees, degrees, radii) or X,Y,Z/X,Y,Z (eye/target, metres)";

/// What `--camera` says.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraChoice {
    /// A camera of the file, by the name of it or of its node, or by its number in the file.
    Named(String),
    /// Around the middle of what is visible.
    Orbit {
        /// Radians around +Y; 0 looks from +Z, a quarter turn from +X.
        yaw: f32,
        /// Radians above the horizon.
        pitch: f32,
        /// From the middle, in radii of what is visible.
        distance: f32,
    },
    /// From one place to another.
    LookAt {
        /// Metres.
        eye: Vec3,
        /// Metres.
        target: Vec3,
    },
}

/// Why a `--camera` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraChoiceError(String);

impl fmt::Display for CameraChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; expected {CAMERA_SYNTAX}", self.0)
    }
}

impl std::error::Error for CameraChoiceError {}

fn numbers(text: &str) -> Result<[f32; 3], CameraChoiceError> {
    let parts: Vec<&str> = text.split(',').collect();
    let found: Vec<f32> = parts
        .iter()
        .filter_map(|part| part.trim().parse().ok())
        .filter(|number: &f32| number.is_finite())
        .collect();
    match <[f32; 3]>::try_from(found) {
        Ok(found) if parts.len() == 3 => Ok(found),
        _ => Err(CameraChoiceError(format!("'{text}' is not three numbers"))),
    }
}

impl FromStr for CameraChoice {
    type Err = CameraChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(orbit) = text.strip_prefix("orbit:") {
            let [yaw, pitch, distance] = numbers(orbit)?;
            if pitch.abs() > 90.0 {
                return Err(CameraChoiceError(format!(
                    "the pitch {pitch} is not within -90 to 90 degrees"
                )));
            }
            if distance <= 0.0 {
                return Err(CameraChoiceError(format!(
                    "the distance {distance} is not above 0"
                )));
            }
            return Ok(Self::Orbit {
                yaw: yaw.to_radians(),
                pitch: pitch.to_radians(),
                distance,
            });
        }
        // Names hold letters: what holds none of them and a comma or slash was meant as places.
        let numeric = |c: char| c.is_ascii_digit() || " ,/.+-eE".contains(c);
        if text.contains([',', '/']) && text.chars().all(numeric) {
            let Some((eye, target)) = text.split_once('/') else {
                return Err(CameraChoiceError(format!(
                    "'{text}' has no '/' between eye and target"
                )));
            };
            let (eye, target) = (Vec3::from(numbers(eye)?), Vec3::from(numbers(target)?));
            if !(target - eye).length().is_finite() {
                return Err(CameraChoiceError(
                    "eye and target are too far apart".to_owned(),
                ));
            }
            if (target - eye).try_normalize().is_none() {
                return Err(CameraChoiceError(
                    "the eye is where the target is".to_owned(),
                ));
            }
            return Ok(Self::LookAt { eye, target });
        }
        if text.trim().is_empty() {
            return Err(CameraChoiceError("it is empty".to_owned()));
        }
        Ok(Self::Named(text.to_owned()))
    }
}

/// The vertical angle of view of cameras that no file brings.
const YFOV: f32 = 45.0 * std::f32::consts::PI / 180.0;
/// Room left around what is framed.
const MARGIN: f32 = 1.08;
/// Up to just short of straight up or down, where turning has no direction.
const PITCH_MAX: f32 = FRAC_PI_2 - 1e-3;

/// A camera that turns around a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orbit {
    /// What it looks at, metres.
    pub target: Vec3,
    /// Radians around +Y; 0 looks from +Z, a quarter turn from +X.
    pub yaw: f32,
    /// Radians above the horizon, within ±π/2.
    pub pitch: f32,
    /// From the target, metres.
    pub distance: f32,
}

impl Orbit {
    /// Where a model is looked at from at first: a little from its right and from above.
    pub const FIRST: (f32, f32) = (
        30.0 * std::f32::consts::PI / 180.0,
        18.0 * std::f32::consts::PI / 180.0,
    );

    /// From this direction, at the least distance from which all of `bounds` is in a picture of this aspect (width to
    /// height). Of empty bounds: around the origin.
    #[must_use]
    pub fn framing(bounds: Bounds, yaw: f32, pitch: f32, aspect: f32) -> Self {
        let pitch = pitch.clamp(-PITCH_MAX, PITCH_MAX);
        if bounds.is_empty() {
            return Self {
                target: Vec3::ZERO,
                yaw,
                pitch,
                distance: 3.0,
            };
        }
        let this = Self {
            target: bounds.center(),
            yaw,
            pitch,
            distance: 0.0,
        };
        let camera_from_world = this.rotation().inverse();
        let tan_y = (0.5 * YFOV).tan();
        let tan_x = tan_y * aspect;
        let half = (bounds.max - bounds.min) * 0.5;
        let distance = (0..8)
            .map(|corner| {
                let sign = |axis: u32| if corner >> axis & 1 == 0 { -1.0 } else { 1.0 };
                let p = camera_from_world * (half * Vec3::new(sign(0), sign(1), sign(2)));
                // A corner at height y, z towards the camera, is in the picture from z + y / tan away.
                p.z + (p.x.abs() / tan_x).max(p.y.abs() / tan_y) * MARGIN
            })
            .fold(0.0, f32::max);
        // A single point has no size of its own.
        Self {
            distance: if distance > 0.0 { distance } else { 1.0 },
            ..this
        }
    }

    /// The orbit that sees what a view sees, around the point nearest to `around` on its line of sight.
    #[must_use]
    pub fn from_view(view: &View, around: Vec3) -> Self {
        let forward = view.rotation * Vec3::NEG_Z;
        let (eye, back) = (view.translation, -forward);
        let ahead = (around - eye).dot(forward);
        let distance = if ahead > 1e-3 {
            ahead
        } else {
            (around - eye).length().max(1.0)
        };
        Self {
            target: eye + forward * distance,
            yaw: back.x.atan2(back.z),
            pitch: back.y.clamp(-1.0, 1.0).asin().clamp(-PITCH_MAX, PITCH_MAX),
            distance,
        }
    }

    /// From camera axes to world axes.
    fn rotation(&self) -> Quat {
        Quat::from_rotation_y(self.yaw) * Quat::from_rotation_x(-self.pitch)
    }

    /// Where the camera is, metres.
    #[must_use]
    pub fn eye(&self) -> Vec3 {
        self.target + self.rotation() * Vec3::Z * self.distance
    }

    /// The view from there, with the near plane at a thousandth of the distance.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            translation: self.eye(),
            rotation: self.rotation(),
            projection: Projection::Perspective {
                yfov: YFOV,
                near: self.distance * 1e-3,
            },
            ..View::default()
        }
    }

    /// Turns the camera around the target, radians.
    pub fn turn(&mut self, yaw: f32, pitch: f32) {
        self.yaw = (self.yaw + yaw).rem_euclid(std::f32::consts::TAU);
        self.pitch = (self.pitch + pitch).clamp(-PITCH_MAX, PITCH_MAX);
    }

    /// Moves camera and target across the picture, in heights of the picture at the target.
    pub fn pan(&mut self, right: f32, up: f32) {
        let height = 2.0 * (0.5 * YFOV).tan() * self.distance;
        self.target += self.rotation() * Vec3::new(right, up, 0.0) * height;
    }

    /// Goes nearer by steps of a tenth, or farther by negative ones. Never arrives and never leaves the world.
    pub fn dolly(&mut self, steps: f32) {
        self.distance = (self.distance * 0.9_f32.powf(steps)).clamp(1e-4, 1e7);
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3Swizzles;

    use super::*;

    #[test]
    fn what_a_camera_string_means() {
        let named = |name: &str| Ok(CameraChoice::Named(name.to_owned()));
        let cases = [
            ("Front", named("Front")),
            ("0", named("0")),
            ("Left/Right camera", named("Left/Right camera")),
            ("-1", named("-1")),
            (
                "orbit:90,-45,2.5",
                Ok(CameraChoice::Orbit {
                    yaw: FRAC_PI_2,
                    pitch: -FRAC_PI_2 / 2.0,
                    distance: 2.5,
                }),
            ),
            (
                "orbit: 90, 0, 1",
                Ok(CameraChoice::Orbit {
                    yaw: FRAC_PI_2,
                    pitch: 0.0,
                    distance: 1.0,
                }),
            ),
            (
                "1,2,3/0,0,-1e1",
                Ok(CameraChoice::LookAt {
                    eye: Vec3::new(1., 2., 3.),
                    target: Vec3::new(0., 0., -10.),
                }),
            ),
            ("orbit:1,2", Err("'1,2' is not three numbers")),
            ("orbit:1,2,3,4", Err("'1,2,3,4' is not three numbers")),
            ("orbit:a,b,c", Err("'a,b,c' is not three numbers")),
            (
                "orbit:0,91,1",
                Err("the pitch 91 is not within -90 to 90 degrees"),
            ),
            ("orbit:0,0,0", Err("the distance 0 is not above 0")),
            ("orbit:0,0,inf", Err("'0,0,inf' is not three numbers")),
            ("orbit:NaN,0,1", Err("'NaN,0,1' is not three numbers")),
            ("1,2,3", Err("'1,2,3' has no '/' between eye and target")),
            ("1,2/3,4,5", Err("'1,2' is not three numbers")),
            ("1,2,3/1,2,3", Err("the eye is where the target is")),
            (
                "3e38,0,0/-3e38,0,0",
                Err("eye and target are too far apart"),
            ),
            ("", Err("it is empty")),
        ];
        for (text, expected) in cases {
            let expected =
                expected.map_err(|message| format!("{message}; expected {CAMERA_SYNTAX}"));
            assert_eq!(
                text.parse::<CameraChoice>()
                    .map_err(|error| error.to_string()),
                expected,
                "{text}"
            );
        }
    }

    /// The corners of the bounds in the picture: x and y within ±1.
    fn corners(bounds: Bounds, orbit: &Orbit, aspect: f32) -> Vec<Vec3> {
        let view = orbit.view();
        let clip = view.clip_from_relative(aspect);
        (0..8)
            .map(|corner| {
                let pick = |axis: usize| {
                    if corner >> axis & 1 == 0 {
                        bounds.min[axis]
                    } else {
                        bounds.max[axis]
                    }
                };
                clip.project_point3(view.relative([0; 3], Vec3::new(pick(0), pick(1), pick(2))))
            })
            .collect()
    }

    #[test]
    fn a_framed_box_fills_the_picture_and_stays_inside() {
        for (min, max) in [
            (Vec3::splat(-1.0), Vec3::splat(1.0)),
            (Vec3::new(100.0, 0.0, 0.0), Vec3::new(101.0, 50.0, 2.0)),
            (Vec3::new(-1e-3, 0.0, -1e-3), Vec3::new(1e-3, 1e-5, 1e-3)),
            (Vec3::new(-5e4, -1.0, -5e4), Vec3::new(5e4, 300.0, 5e4)),
            (Vec3::new(0.0, 0.0, 0.0), Vec3::new(7.0, 0.0, 0.0)),
        ] {
            for (yaw, pitch, aspect) in [
                (0.0, 0.0, 1.0),
                (0.5, 0.3, 16.0 / 9.0),
                (3.0, -1.2, 0.4),
                (0.0, 2.0, 1.0),
            ] {
                let bounds = Bounds { min, max };
                let corners = corners(bounds, &Orbit::framing(bounds, yaw, pitch, aspect), aspect);
                let most = corners
                    .iter()
                    .map(|p| p.x.abs().max(p.y.abs()))
                    .fold(0.0, f32::max);
                assert!(
                    (0.5..1.0).contains(&most),
                    "{bounds:?} from {yaw}, {pitch} in {aspect} reaches {most}"
                );
                assert!(
                    corners.iter().all(|p| (0.0..1.0).contains(&p.z)),
                    "in front of the near plane"
                );
            }
        }
    }

    #[test]
    fn nothing_and_a_point_are_framed_too() {
        let point = Bounds {
            min: Vec3::splat(4.0),
            max: Vec3::splat(4.0),
        };
        for (bounds, target) in [(Bounds::EMPTY, Vec3::ZERO), (point, Vec3::splat(4.0))] {
            let orbit = Orbit::framing(bounds, 0.0, 0.0, 1.0);
            assert!(orbit.target == target && orbit.distance > 0.0, "{orbit:?}");
        }
    }

    #[test]
    fn yaw_and_pitch_are_where_the_camera_stands() {
        let orbit = |yaw: f32, pitch: f32| {
            Orbit {
                target: Vec3::ZERO,
                yaw,
                pitch,
                distance: 2.0,
            }
            .eye()
        };
        for (eye, expected) in [
            (orbit(0.0, 0.0), Vec3::Z),
            (orbit(FRAC_PI_2, 0.0), Vec3::X),
            (orbit(0.0, FRAC_PI_2), Vec3::Y),
            (orbit(0.0, -FRAC_PI_2), Vec3::NEG_Y),
        ] {
            assert!(
                (eye - expected * 2.0).length() < 1e-5,
                "{eye} for {expected}"
            );
        }
    }

    #[test]
    fn an_orbit_taken_from_a_view_sees_the_same() {
        let view = View::look_at(Vec3::new(3.0, 4.0, -5.0), Vec3::new(0.0, 1.0, 0.0));
        let orbit = Orbit::from_view(&view, Vec3::new(0.0, 1.0, 0.0));
        assert!((orbit.eye() - view.translation).length() < 1e-4);
        assert!(
            (orbit.view().rotation * Vec3::NEG_Z - view.rotation * Vec3::NEG_Z).length() < 1e-4
        );
        assert!((orbit.target - Vec3::Y).length() < 1e-4);
    }

    #[test]
    fn moving_stays_within_reason() {
        let mut orbit = Orbit {
            target: Vec3::ZERO,
            yaw: 0.0,
            pitch: 0.0,
            distance: 1.0,
        };
        orbit.turn(0.0, 100.0);
        assert!(orbit.pitch < FRAC_PI_2);
        orbit.dolly(1e6);
        assert!(orbit.distance > 0.0);
        orbit.dolly(-1e6);
        assert!(orbit.distance.is_finite());
        let mut orbit = Orbit {
            target: Vec3::ZERO,
            yaw: 0.0,
            pitch: 0.0,
            distance: 1.0,
        };
        orbit.pan(1.0, 0.0);
        assert!(orbit.target.x > 0.5 && orbit.target.yz() == glam::Vec2::ZERO);
    }
}
