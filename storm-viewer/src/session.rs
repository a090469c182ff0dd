//! What the window shows, and what the actions do to it. Knows no window system.

use storm_assets::Bounds;
use storm_render::View;

use crate::{action::Action, camera::Orbit};

/// What is left to do for whoever runs the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Draw again.
    Redraw,
    /// It is about how the scene looks, and not about the camera.
    Look,
    /// Save the picture.
    Save,
    /// Say what the keys do.
    Help,
    /// Close the window.
    Quit,
    /// Lose the device.
    LoseDevice,
}

/// The camera of a window.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    first: (View, Orbit),
    bounds: Bounds,
    /// A view as it was given, until a person moves.
    given: Option<View>,
    orbit: Orbit,
}

impl Session {
    /// Begins with a view, and the orbit that goes on from there.
    pub(crate) fn new(first: (View, Orbit), bounds: Bounds) -> Self {
        Self {
            first,
            bounds,
            given: Some(first.0),
            orbit: first.1,
        }
    }

    /// What to draw.
    pub(crate) fn view(&self) -> View {
        self.given.unwrap_or_else(|| self.orbit.view())
    }

    /// Does an action, in a window of this aspect.
    pub(crate) fn act(&mut self, action: Action, aspect: f32) -> Effect {
        match action {
            Action::Turn { yaw, pitch } => self.orbit.turn(yaw, pitch),
            Action::Pan { right, up } => self.orbit.pan(right, up),
            Action::Dolly { steps } => self.orbit.dolly(steps),
            Action::Frame => {
                self.orbit = Orbit::framing(self.bounds, self.orbit.yaw, self.orbit.pitch, aspect)
            }
            Action::Reset => {
                (self.given, self.orbit) = (Some(self.first.0), self.first.1);
                return Effect::Redraw;
            }
            Action::Save => return Effect::Save,
            Action::Help => return Effect::Help,
            Action::Quit => return Effect::Quit,
            Action::LoseDevice => return Effect::LoseDevice,
            _ => return Effect::Look,
        }
        self.given = None;
        Effect::Redraw
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::*;

    fn session() -> Session {
        let bounds = Bounds {
            min: Vec3::splat(-1.0),
            max: Vec3::ONE,
        };
        let view = View::look_at(Vec3::new(0.0, 0.0, 9.0), Vec3::ZERO);
        Session::new((view, Orbit::from_view(&view, Vec3::ZERO)), bounds)
    }

    #[test]
    fn a_given_view_is_shown_as_it_is_until_someone_moves_and_after_a_reset() {
        let mut session = session();
        let first = session.view();
        assert_eq!(first, View::look_at(Vec3::new(0.0, 0.0, 9.0), Vec3::ZERO));
        assert_eq!(
            session.act(
                Action::Turn {
                    yaw: 1.0,
                    pitch: 0.0
                },
                1.0
            ),
            Effect::Redraw
        );
        assert!((session.view().translation - first.translation).length() > 1.0);
        assert!(
            (session.view().translation.length() - 9.0).abs() < 1e-4,
            "turning keeps the distance"
        );
        session.act(Action::Reset, 1.0);
        assert_eq!(session.view(), first);
    }

    #[test]
    fn framing_keeps_the_direction_and_comes_near() {
        let mut session = session();
        session.act(
            Action::Pan {
                right: 2.0,
                up: 0.0,
            },
            1.0,
        );
        session.act(Action::Frame, 1.0);
        let eye = session.view().translation;
        assert!(
            eye.x.abs() < 1e-4 && eye.y.abs() < 1e-4 && (2.0..5.0).contains(&eye.z),
            "{eye}"
        );
    }

    #[test]
    fn what_is_not_the_cameras_changes_no_view() {
        let mut session = session();
        let view = session.view();
        for (action, effect) in [
            (Action::Save, Effect::Save),
            (Action::Help, Effect::Help),
            (Action::Quit, Effect::Quit),
            (Action::Axes, Effect::Look),
        ] {
            assert_eq!(session.act(action, 1.0), effect);
            assert_eq!(session.view(), view);
        }
    }
}
