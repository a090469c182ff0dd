//! `--sky`: what a picture is lit by instead of the content's own sky.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use glam::Vec3;
use storm_assets::hdr;
use storm_render::{Atmosphere, Sky};

use crate::{content::Content, error::ViewerError};

/// What lights the scene.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SkyChoice {
    /// Clear air under a sun: its height above the horizon, and how far it is to the right of -Z. Degrees.
    Sun { elevation: f32, azimuth: f32 },
    /// A picture of radiance.
    Picture(PathBuf),
}

impl FromStr for SkyChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(angles) = text.strip_prefix("sun:") else {
            return Ok(Self::Picture(text.into()));
        };
        let (elevation, azimuth) = angles.split_once(',').unwrap_or((angles, "0"));
        let angle = |name: &str, text: &str, limit: f32| {
            let angle: f32 = text.trim().parse().unwrap_or(f32::NAN);
            // Not a number is in no range.
            if (-limit..=limit).contains(&angle) {
                Ok(angle)
            } else {
                Err(format!(
                    "the {name} '{text}' is not a number of degrees from -{limit} to {limit}"
                ))
            }
        };
        Ok(Self::Sun {
            elevation: angle("elevation", elevation, 90.0)?,
            azimuth: angle("azimuth", azimuth, 360.0)?,
        })
    }
}

/// What every picture is lit by.
#[derive(Args, Clone, Debug)]
pub(crate) struct SkyArgs {
    /// Light by this sky: a Radiance picture (FILE.hdr, equirectangular), or clear air under a sun, sun:ELEVATION or
    /// sun:ELEVATION,AZIMUTH (degrees; azimuth 0 is -Z, 90 is +X) [default: the content's own]
    #[arg(long, value_name = "SKY", allow_hyphen_values = true)]
    pub(crate) sky: Option<SkyChoice>,
    /// Turn the sky's picture by so many degrees, counter-clockwise seen from above
    #[arg(long, value_name = "DEGREES", default_value_t = 0.0, allow_hyphen_values = true, value_parser = turn)]
    pub(crate) sky_turn: f32,
    /// Multiply the light of the sky's picture
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = light)]
    pub(crate) sky_light: f32,
}

fn turn(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(degrees) if (-360.0..=360.0).contains(&degrees) => Ok(degrees),
        _ => Err("a turn is a number of degrees from -360 to 360".to_owned()),
    }
}

fn light(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(light) if (0.0..=1e6).contains(&light) => Ok(light),
        _ => Err("light is multiplied by a number from 0 to 1000000".to_owned()),
    }
}

impl SkyArgs {
    /// Puts the sky over the content.
    ///
    /// # Errors
    /// When its picture cannot be read.
    pub(crate) fn apply(&self, content: &mut Content) -> Result<(), ViewerError> {
        match &self.sky {
            None => {}
            Some(SkyChoice::Sun { elevation, azimuth }) => {
                let (e, a) = (elevation.to_radians(), azimuth.to_radians());
                let towards = Vec3::new(e.cos() * a.sin(), e.sin(), -e.cos() * a.cos());
                content.sky = Sky::air(Atmosphere::EARTH, towards);
                content.remove_suns();
            }
            Some(SkyChoice::Picture(path)) => {
                let mut picture = hdr::load(path).map_err(|source| ViewerError::Sky {
                    path: path.clone(),
                    source,
                })?;
                // Its sun casts shadows, and is not counted twice.
                let sun = picture.take_sun();
                if sun.is_some() {
                    content.remove_suns();
                }
                content.sky = Sky::picture(self.sky_turn.to_radians(), self.sky_light, sun);
                content.sky_picture = Some(picture);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use storm_assets::Library;
    use storm_ecs::{
        World,
        scene::{DirectionalLight, Transform},
    };

    use super::*;

    /// The model's light took the place of the sun that was asked for, and of the one that was taken out of the picture.
    #[test]
    fn a_sky_with_a_sun_takes_the_place_of_the_models_sun() {
        let picture = |name: &str, sun: [u8; 4]| {
            let path = std::env::temp_dir().join(format!("storm-{name}-{}", std::process::id()));
            let mut bytes = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 64 +X 128\n".to_vec();
            for pixel in 0..64 * 128 {
                let bright = pixel == 20 * 128 + 30;
                bytes.extend(if bright { sun } else { [128, 128, 128, 128] });
            }
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let (sunny, grey) = (
            picture("sunny", [128, 128, 128, 145]),
            picture("grey", [128, 128, 128, 128]),
        );
        for (sky, kept) in [
            (None, true),
            (Some("sun:30,40".parse().unwrap()), false),
            (Some(SkyChoice::Picture(sunny.clone())), false),
            (Some(SkyChoice::Picture(grey.clone())), true),
        ] {
            let mut world = World::new();
            let light = world.spawn((Transform::default(), DirectionalLight::default()));
            let mut content = Content::new("", Library::default(), world);
            let args = SkyArgs {
                sky,
                sky_turn: 0.0,
                sky_light: 1.0,
            };
            args.apply(&mut content).unwrap();
            let left = content.world().has::<DirectionalLight>(light);
            assert_eq!(left, kept, "{:?}", args.sky);
        }
        for path in [sunny, grey] {
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn what_a_sky_is() {
        let sun = |elevation, azimuth| Ok(SkyChoice::Sun { elevation, azimuth });
        let cases = [
            ("sun:30", sun(30.0, 0.0)),
            ("sun:-5,120", sun(-5.0, 120.0)),
            ("sun: 5 , -90", sun(5.0, -90.0)),
            ("studio.hdr", Ok(SkyChoice::Picture("studio.hdr".into()))),
            (
                "sun:91",
                Err("the elevation '91' is not a number of degrees from -90 to 90"),
            ),
            (
                "sun:",
                Err("the elevation '' is not a number of degrees from -90 to 90"),
            ),
            (
                "sun:5,nan",
                Err("the azimuth 'nan' is not a number of degrees from -360 to 360"),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                text.parse::<SkyChoice>(),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }
}
