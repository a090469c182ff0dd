//! Animations of a file, as they are played: what options choose, what actions and the panel change.

use std::{num::NonZeroU32, str::FromStr};

use clap::Args;
use storm_assets::animation::{Animation, Animator, Repeat, Rig};
use storm_ecs::{Entity, World};

use crate::{action::Action, error::ViewerError};

/// Copies of a model that there can be.
const CROWD_MAX: u32 = 100_000;

/// Which animation is played, and from when.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub(crate) struct AnimationArgs {
    /// Play this animation: its name or number in the file, or all of them at once, or none [default: the first in a window; none in a picture, but the
    /// first where --time is given]
    #[arg(long, value_name = "NAME|N|all|none")]
    pub(crate) animation: Option<AnimationChoice>,
    /// Begin at this time, seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    pub(crate) time: Option<f64>,
    /// Show N copies of the model in rows, each at another time of its animation, 1 to 100000
    #[arg(long, value_name = "N", value_parser = crowd)]
    pub(crate) crowd: Option<NonZeroU32>,
}

/// Which animation is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnimationChoice {
    /// All at once.
    All,
    /// The model is at rest.
    None,
    /// The one with this name, or else this number.
    Named(String),
}

impl FromStr for AnimationChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "all" => Self::All,
            "none" => Self::None,
            name => Self::Named(name.to_owned()),
        })
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let found: f64 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number"))?;
    if (0.0..=1e6).contains(&found) {
        Ok(found)
    } else {
        Err(format!("{text} is not within 0 to 1000000"))
    }
}

fn crowd(text: &str) -> Result<NonZeroU32, String> {
    let found: NonZeroU32 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a whole number from 1 on"))?;
    if found.get() <= CROWD_MAX {
        Ok(found)
    } else {
        Err(format!("{text} is not within 1 to {CROWD_MAX}"))
    }
}

/// How fast an animation plays, either way.
pub(crate) const SPEED_MAX: f32 = 10.0;

/// What happens at the end of an animation.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatChoice {
    /// It stays there
    Once,
    /// It begins again
    Loop,
    /// It goes back
    PingPong,
}

/// What plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Playing {
    Nothing,
    One(usize),
    All,
}

/// The players of a file: one for each copy of it.
#[derive(Debug)]
pub(crate) struct Playback {
    /// Names and lengths, seconds.
    clips: Vec<(String, f32)>,
    animators: Vec<Entity>,
    playing: Playing,
    is_paused: bool,
    speed: f32,
    repeat: RepeatChoice,
    animation: Animation,
    /// When it was last moved on, seconds from the beginning of the showing.
    last: f64,
}

/// What the panel shows of it.
#[cfg(feature = "panel")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlaybackFacts {
    /// Names and lengths, seconds.
    pub(crate) clips: Vec<(String, f32)>,
    /// The one that plays, if one does.
    pub(crate) clip: Option<usize>,
    pub(crate) seconds: f32,
    pub(crate) is_paused: bool,
    pub(crate) speed: f32,
    pub(crate) repeat: RepeatChoice,
}

impl Playback {
    /// The players of these entities, which share a rig; nothing plays. `None` where there are no clips.
    pub(crate) fn new(rig: &Rig, animators: Vec<Entity>) -> Option<Self> {
        let clips: Vec<_> = (0..rig.clip_count())
            .filter_map(|clip| Some((rig.clip(clip)?.name.clone(), rig.duration(clip))))
            .collect();
        (!clips.is_empty()).then(|| Self {
            clips,
            animators,
            playing: Playing::Nothing,
            is_paused: false,
            speed: 1.0,
            repeat: RepeatChoice::Loop,
            animation: Animation::new(),
            last: 0.0,
        })
    }

    /// Plays what was chosen, from a time on. `moves` says whether something plays where nothing was chosen.
    ///
    /// # Errors
    /// When there is no such animation.
    pub(crate) fn choose(
        &mut self,
        world: &mut World,
        title: &str,
        args: &AnimationArgs,
        moves: bool,
    ) -> Result<(), ViewerError> {
        self.playing = match &args.animation {
            Some(AnimationChoice::All) => Playing::All,
            Some(AnimationChoice::None) => Playing::Nothing,
            Some(AnimationChoice::Named(name)) => Playing::One(self.named(title, name)?),
            None if moves || args.time.is_some() => Playing::One(0),
            None => Playing::Nothing,
        };
        self.restart(world, args.time.unwrap_or(0.0));
        Ok(())
    }

    fn named(&self, title: &str, wanted: &str) -> Result<usize, ViewerError> {
        let by_name = self.clips.iter().position(|(name, _)| name == wanted);
        let by_number = || wanted.parse().ok().filter(|n| *n < self.clips.len());
        by_name
            .or_else(by_number)
            .ok_or_else(|| no_animation(title, wanted, &self.clips))
    }

    /// Starts what is to play, from a time on: each copy at a time of its own.
    pub(crate) fn restart(&mut self, world: &mut World, seconds: f64) {
        self.restart_some(world, seconds, usize::MAX);
    }

    /// The same, of the first copies alone.
    pub(crate) fn restart_some(&mut self, world: &mut World, seconds: f64, copies: usize) {
        let clips = match self.playing {
            Playing::Nothing => 0..0,
            Playing::One(clip) => clip..clip + 1,
            Playing::All => 0..self.clips.len(),
        };
        let repeat = match self.repeat {
            RepeatChoice::Once => Repeat::Once,
            RepeatChoice::Loop => Repeat::Loop,
            RepeatChoice::PingPong => Repeat::PingPong,
        };
        for (number, &entity) in self.animators.iter().enumerate().take(copies) {
            let Some(animator) = world.get_mut::<Animator>(entity) else {
                continue;
            };
            animator.player.stop_all();
            let rig = std::sync::Arc::clone(animator.rig());
            for clip in clips.clone() {
                let play = animator.player.play(0, clip);
                play.speed = self.speed;
                play.repeat = repeat;
                // The golden ratio spreads them evenly, however many there are; the first is at the time itself.
                let part = (number as f64 * 0.618_033_988_749_894_9).fract();
                play.seek(&rig, seconds + part * f64::from(rig.duration(clip)));
            }
        }
        self.animation.run(world, 0.0);
    }

    /// How long what plays takes, seconds; 0 where nothing does.
    pub(crate) fn length(&self) -> f32 {
        match self.playing {
            Playing::Nothing => 0.0,
            Playing::One(clip) => self.clips[clip].1,
            Playing::All => self
                .clips
                .iter()
                .map(|(_, length)| *length)
                .fold(0.0, f32::max),
        }
    }

    /// Moves on to so many seconds from the beginning of the showing.
    pub(crate) fn advance(&mut self, world: &mut World, seconds: f64) {
        let step = seconds - self.last;
        self.last = seconds;
        self.animation
            .run(world, if self.is_paused { 0.0 } else { step });
    }

    /// Whether anything moves by itself.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "only windows ask"))]
    pub(crate) fn moves(&self) -> bool {
        !self.is_paused && self.playing != Playing::Nothing
    }

    /// Does an action that is about animations; `false` for all others.
    #[cfg_attr(
        not(feature = "window"),
        allow(dead_code, reason = "nothing acts without a window")
    )]
    pub(crate) fn act(&mut self, world: &mut World, action: Action) -> bool {
        match action {
            Action::Play if self.playing == Playing::Nothing => {
                self.playing = Playing::One(0);
                self.is_paused = false;
                self.restart(world, 0.0);
            }
            Action::Play => self.is_paused = !self.is_paused,
            Action::NextClip => {
                self.playing = match self.playing {
                    Playing::One(clip) => Playing::One((clip + 1) % self.clips.len()),
                    _ => Playing::One(0),
                };
                self.restart(world, 0.0);
            }
            Action::Clip { number } => {
                self.playing = match number {
                    None => Playing::Nothing,
                    Some(number) if number < self.clips.len() => Playing::One(number),
                    Some(_) => return true,
                };
                self.restart(world, 0.0);
            }
            Action::Speed { factor } => {
                self.speed = factor.clamp(-SPEED_MAX, SPEED_MAX);
                for &entity in &self.animators {
                    if let Some(animator) = world.get_mut::<Animator>(entity) {
                        let plays = animator.player.plays_mut().iter_mut();
                        plays.for_each(|play| play.speed = self.speed);
                    }
                }
            }
            Action::Seek { seconds } => self.restart(world, f64::from(seconds)),
            Action::Repeat(repeat) => {
                let seconds = self.seconds(world);
                self.repeat = repeat;
                self.restart(world, f64::from(seconds));
            }
            _ => return false,
        }
        true
    }

    /// Where the first copy is in its animation, seconds.
    fn seconds(&self, world: &World) -> f32 {
        let animator = self
            .animators
            .first()
            .and_then(|first| world.get::<Animator>(*first));
        animator
            .and_then(|animator| Some(animator.player.plays().first()?.time(animator.rig())))
            .unwrap_or(0.0)
    }

    /// For the panel.
    #[cfg(feature = "panel")]
    pub(crate) fn facts(&self, world: &World) -> PlaybackFacts {
        PlaybackFacts {
            clips: self.clips.clone(),
            clip: match self.playing {
                Playing::One(clip) => Some(clip),
                _ => None,
            },
            seconds: self.seconds(world),
            is_paused: self.is_paused,
            speed: self.speed,
            repeat: self.repeat,
        }
    }
}

/// Says what animations there are.
pub(crate) fn no_animation(title: &str, wanted: &str, clips: &[(String, f32)]) -> ViewerError {
    let label = |(number, (name, _)): (usize, &(String, f32))| {
        if name.is_empty() {
            number.to_string()
        } else {
            format!("{number} ({name})")
        }
    };
    let there: Vec<_> = clips.iter().enumerate().map(label).collect();
    ViewerError::NoSuchPart {
        file: title.to_owned(),
        what: "animation",
        wanted: format!("'{wanted}'"),
        offer: if there.is_empty() {
            "the file has none".to_owned()
        } else {
            format!("there are: {}", there.join(", "))
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storm_assets::{Clip, Interpolation, Track, TrackValues, animation::Binding};
    use storm_ecs::scene::Transform;

    use super::*;

    /// Three clips that move an entity along X, 1, 2 and 3 metres a second, 4 s long.
    fn playback(copies: usize) -> (World, Playback, Vec<Entity>) {
        let clip = |speed: f32| {
            Arc::new(Clip {
                name: if speed == 2.0 {
                    String::new()
                } else {
                    format!("speed {speed}")
                },
                tracks: vec![Track {
                    node: 0,
                    interpolation: Interpolation::Linear,
                    times: vec![0.0, 4.0],
                    values: TrackValues::Translation(vec![[0.0; 3], [4.0 * speed, 0.0, 0.0]]),
                }],
                pointers: Vec::new(),
            })
        };
        let rig = Rig::new(vec![clip(1.0), clip(2.0), clip(3.0)], &mut |_| {
            Some(vec![-1.0; 3])
        });
        let rig = Arc::new(rig);
        let mut world = World::new();
        let (mut animators, mut things) = (Vec::new(), Vec::new());
        for _ in 0..copies {
            let entity = world.spawn(Transform::IDENTITY);
            let binding = Binding { entity, channel: 0 };
            things.push(entity);
            animators.push(world.spawn(Animator::new(Arc::clone(&rig), vec![binding])));
        }
        (world, Playback::new(&rig, animators).unwrap(), things)
    }

    fn x(world: &World, entity: Entity) -> f32 {
        world.get::<Transform>(entity).unwrap().translation[0]
    }

    fn args(animation: &str, time: Option<f64>) -> AnimationArgs {
        AnimationArgs {
            animation: (!animation.is_empty()).then(|| animation.parse().unwrap()),
            time,
            crowd: None,
        }
    }

    #[test]
    fn options_choose_what_plays() {
        for (animation, time, moves, expected) in [
            ("", None, false, 0.0),
            ("", None, true, 1.0),
            ("", Some(1.5), false, 2.5),
            ("speed 3", None, false, 3.0),
            ("2", Some(0.5), false, 4.5),
            ("1", None, false, 2.0),
            ("all", None, false, 2.0),
            ("none", Some(1.0), true, 0.0),
        ] {
            let (mut world, mut playback, things) = playback(1);
            playback
                .choose(&mut world, "cart.glb", &args(animation, time), moves)
                .unwrap();
            playback.advance(&mut world, 1.0);
            let found = x(&world, things[0]);
            assert!(
                (found - expected).abs() < 1e-6,
                "{animation} {time:?}: {found}"
            );
        }
        let (mut world, mut playback, _) = playback(1);
        let error = playback.choose(&mut world, "cart.glb", &args("walk", None), true);
        assert_eq!(
            error.unwrap_err().to_string(),
            "cart.glb: no animation 'walk'; there are: 0 (speed 1), 1, 2 (speed 3)"
        );
    }

    #[test]
    fn actions_play_pause_choose_and_seek() {
        let (mut world, mut playback, things) = playback(1);
        let world = &mut world;
        playback.choose(world, "", &args("", None), true).unwrap();
        let mut now = 0.0;
        let mut after = |playback: &mut Playback, world: &mut World, actions: &[Action]| {
            for action in actions {
                assert!(playback.act(world, *action), "{action:?}");
            }
            now += 0.5;
            playback.advance(world, now);
            x(world, things[0])
        };
        assert_eq!(after(&mut playback, world, &[]), 0.5);
        assert_eq!(
            after(&mut playback, world, &[Action::Play]),
            0.5,
            "it pauses"
        );
        assert!(!playback.moves());
        assert_eq!(
            after(&mut playback, world, &[Action::Play]),
            1.0,
            "and goes on"
        );
        assert_eq!(
            after(&mut playback, world, &[Action::NextClip]),
            1.0,
            "twice as fast"
        );
        assert_eq!(
            after(&mut playback, world, &[Action::Speed { factor: -2.0 }]),
            7.0
        );
        assert_eq!(
            after(&mut playback, world, &[Action::Seek { seconds: 3.0 }]),
            4.0
        );
        assert_eq!(
            after(&mut playback, world, &[Action::Clip { number: Some(9) }]),
            2.0,
            "no such clip"
        );
        assert_eq!(
            after(&mut playback, world, &[Action::Clip { number: None }]),
            -1.0,
            "at rest"
        );
        assert_eq!(
            after(
                &mut playback,
                world,
                &[
                    Action::Play,
                    Action::Speed { factor: 1.0 },
                    Action::Repeat(RepeatChoice::Once),
                    Action::Seek { seconds: 3.75 }
                ]
            ),
            4.0,
            "it stays at the end"
        );
        assert!(!playback.act(world, Action::Frame));
    }

    #[test]
    fn each_copy_is_at_a_time_of_its_own_and_the_first_at_the_time_itself() {
        let (mut world, mut playback, things) = playback(50);
        playback
            .choose(&mut world, "", &args("0", Some(1.0)), true)
            .unwrap();
        let mut places: Vec<f32> = things.iter().map(|entity| x(&world, *entity)).collect();
        assert_eq!(places[0], 1.0);
        places.sort_by(f32::total_cmp);
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.fold(0.0, f32::max) < 0.2, "evenly spread: {places:?}");
    }
}
