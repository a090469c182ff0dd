//! What can be tuned while a scene is looked at: actions change what options have set.

use glam::Vec3;
use storm_assets::Bounds;
use storm_render::Line;

use crate::{
    action::Action,
    cli::{LookArgs, STOPS_MAX},
};

impl LookArgs {
    /// Does an action that is about how the scene looks; `false` for all others.
    #[cfg_attr(
        not(feature = "window"),
        allow(dead_code, reason = "nothing acts without a window")
    )]
    pub(crate) fn act(&mut self, action: Action) -> bool {
        match action {
            #[cfg(feature = "panel")]
            Action::Panel => self.panel = !self.panel,
            Action::Axes => self.axes = !self.axes,
            Action::PassTimes => self.pass_times = !self.pass_times,
            Action::Exposure { stops } => {
                self.exposure = Some(stops.clamp(-STOPS_MAX, STOPS_MAX));
            }
            Action::Bloom { amount } => self.bloom = Some(amount.clamp(0.0, 1.0)),
            Action::Harmony { amount } => self.harmony = Some(amount.clamp(0.0, 1.0)),
            Action::ToneMap(operator) => self.tone_map = Some(operator),
            Action::Quality(quality) => self.quality = Some(quality),
            Action::Show(what) => self.show = what,
            _ => return false,
        }
        true
    }
}

/// The axes at the origin, as long as the scene reaches, and the box around it.
pub(crate) fn axes(bounds: &Bounds) -> Vec<Line> {
    let line = |from: Vec3, to: Vec3, color| Line {
        cell: [0; 3],
        from,
        to,
        color,
    };
    let (min, max) = if bounds.is_empty() {
        (Vec3::ZERO, Vec3::ZERO)
    } else {
        (bounds.min, bounds.max)
    };
    let reach = min.abs().max(max.abs()).max_element();
    let reach = if reach > 0.0 { reach } else { 1.0 };
    let mut lines: Vec<_> = [
        (Vec3::X, [0.9, 0.05, 0.05, 1.0]),
        (Vec3::Y, [0.05, 0.7, 0.05, 1.0]),
        (Vec3::Z, [0.05, 0.15, 0.95, 1.0]),
    ]
    .map(|(axis, color)| line(Vec3::ZERO, axis * reach, color))
    .into();
    let corner = |bits: usize| {
        let side = |axis: usize| {
            if bits >> axis & 1 == 0 {
                min[axis]
            } else {
                max[axis]
            }
        };
        Vec3::new(side(0), side(1), side(2))
    };
    for (from, axis) in (0..8).flat_map(|from| (0..3).map(move |axis| (from, axis))) {
        let to = from | 1 << axis;
        if from != to && !bounds.is_empty() {
            lines.push(line(corner(from), corner(to), [0.5, 0.5, 0.5, 1.0]));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{QualityChoice, ShowChoice, ToneMapChoice};

    #[test]
    fn actions_change_what_options_have_set() {
        let mut look = LookArgs::default();
        for (action, expected) in [
            (
                Action::Exposure { stops: 2.0 },
                LookArgs {
                    exposure: Some(2.0),
                    ..look
                },
            ),
            (
                Action::Exposure { stops: 99.0 },
                LookArgs {
                    exposure: Some(16.0),
                    ..look
                },
            ),
            (
                Action::Bloom { amount: -1.0 },
                LookArgs {
                    bloom: Some(0.0),
                    ..look
                },
            ),
            (
                Action::Harmony { amount: 0.25 },
                LookArgs {
                    harmony: Some(0.25),
                    ..look
                },
            ),
            (
                Action::ToneMap(ToneMapChoice::Agx),
                LookArgs {
                    tone_map: Some(ToneMapChoice::Agx),
                    ..look
                },
            ),
            (
                Action::Quality(QualityChoice::High),
                LookArgs {
                    quality: Some(QualityChoice::High),
                    ..look
                },
            ),
            (
                Action::Show(Some(ShowChoice::Normals)),
                LookArgs {
                    show: Some(ShowChoice::Normals),
                    ..look
                },
            ),
            (Action::Axes, LookArgs { axes: true, ..look }),
            (
                Action::PassTimes,
                LookArgs {
                    pass_times: true,
                    ..look
                },
            ),
        ] {
            let mut changed = look;
            assert!(changed.act(action), "{action:?}");
            assert_eq!(changed, expected, "{action:?}");
        }
        assert!(!look.act(Action::Reset) && look == LookArgs::default());
        look.act(Action::Show(Some(ShowChoice::Normals)));
        look.act(Action::Show(None));
        assert_eq!(look.show, None);
    }

    #[test]
    fn the_box_has_twelve_edges_and_there_are_three_axes() {
        let bounds = Bounds {
            min: Vec3::new(-1.0, -2.0, -3.0),
            max: Vec3::new(1.0, 2.0, 5.0),
        };
        let lines = axes(&bounds);
        assert_eq!(lines.len(), 3 + 12);
        assert_eq!(lines[2].to, Vec3::Z * 5.0);
        let edges = &lines[3..];
        assert!(edges.iter().all(|edge| {
            (edge.to - edge.from)
                .to_array()
                .iter()
                .filter(|d| **d != 0.0)
                .count()
                == 1
        }));
    }
}
