//! Everything that a person can do in the window: one table of named, typed actions, which keys, the mouse, `--do` and
//! the help read.

use std::{f32::consts::PI, fmt, fmt::Write as _, str::FromStr};

use clap::ValueEnum;

use crate::{
    cli::{QualityChoice, ShowChoice, ToneMapChoice},
    playback::RepeatChoice,
};

/// Something to do, with how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Turns the camera around what it looks at, radians.
    Turn {
        /// To the right.
        yaw: f32,
        /// Upwards.
        pitch: f32,
    },
    /// Moves the camera and what it looks at, in heights of the picture.
    Pan {
        /// To the right.
        right: f32,
        /// Upwards.
        up: f32,
    },
    /// Goes nearer, in steps of a tenth of the distance.
    Dolly {
        /// Negative ones go back.
        steps: f32,
    },
    /// Looks at all that is visible from where the camera is.
    Frame,
    /// Goes back to where the camera was at first.
    Reset,
    /// Writes the picture as a PNG file.
    Save,
    /// Says what the keys do.
    Help,
    /// Closes the window.
    Quit,
    /// Loses the device, as a driver that fails would: the window goes on with a new one.
    LoseDevice,
    /// Shows the panel, or hides it.
    Panel,
    /// Shows the axes and the box around everything, or hides them.
    Axes,
    /// Times each pass, or no longer does.
    PassTimes,
    /// Sets how bright the picture is.
    Exposure {
        /// Doublings of what the camera would show.
        stops: f32,
    },
    /// Sets how much of what is bright shines around it.
    Bloom {
        /// 0 to 1.
        amount: f32,
    },
    /// Sets how much of their colour surfaces keep.
    Harmony {
        /// 0 to 1.
        amount: f32,
    },
    /// Sets how radiance becomes colour.
    ToneMap(ToneMapChoice),
    /// Sets how much work a picture is worth.
    Quality(QualityChoice),
    /// Sets what is shown instead of colours.
    Show(Option<ShowChoice>),
    /// Shows a variant of the model's materials.
    Variant {
        /// From 1 on, in the order of the file; 0 is the file without one.
        number: u32,
    },
    /// Shows the next variant of the model's materials, and after the last the file without one.
    NextVariant,
    /// Plays the animation, or stops it where it is.
    Play,
    /// Plays the next animation of the file.
    NextClip,
    /// Plays an animation by its number, or none.
    Clip {
        /// From 0.
        number: Option<usize>,
    },
    /// Sets how fast the animation plays.
    Speed {
        /// 1 as it was made; below 0 backwards.
        factor: f32,
    },
    /// Moves the animation to a time.
    Seek {
        /// From its start.
        seconds: f32,
    },
    /// Sets what happens at the end of the animation.
    Repeat(RepeatChoice),
}

/// A key, by what it writes or what stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// Writes this character; lower case stands for both.
    Char(char),
    /// Esc.
    Escape,
    /// ←.
    Left,
    /// →.
    Right,
    /// ↑.
    Up,
    /// ↓.
    Down,
}

/// A button of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The first one.
    Left,
    /// The second one.
    Right,
    /// The wheel.
    Middle,
}

/// What a person does with keyboard and mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key is pressed, or repeats.
    Key(Key),
    /// The mouse moves with this button down: by how many heights of the window to the right and down.
    Drag(Button),
    /// The wheel turns: by how many lines, away from the person.
    Wheel,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(Key::Char(' ')) => f.write_str("Space"),
            Self::Key(Key::Char(c)) => write!(f, "{}", c.to_uppercase()),
            Self::Key(Key::Escape) => f.write_str("Esc"),
            Self::Key(key) => write!(f, "{key:?}"),
            Self::Drag(button) => write!(f, "{button:?} drag"),
            Self::Wheel => f.write_str("Wheel"),
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// How scripts and `--do` call it.
    pub name: &'static str,
    /// What `--do` takes after the name, if it takes anything: names of numbers, or words of which it is one.
    pub arguments: &'static str,
    /// What it does, for people.
    pub about: &'static str,
    /// What makes it happen. The action of a drag is for one height of the window right and down, that of the wheel
    /// for one line.
    pub bindings: &'static [(Input, Action)],
    /// The action from the numbers that `--do` was given, as many as `arguments` names; a word is its place among them.
    make: fn(&[f32]) -> Action,
}

const ARROW: f32 = 5.0 * PI / 180.0;

/// All actions.
pub static ACTIONS: [Entry; 26] = [
    Entry {
        name: "camera.turn",
        arguments: "YAW,PITCH",
        about: "turn around the model (degrees)",
        bindings: &[
            (
                Input::Drag(Button::Left),
                Action::Turn {
                    yaw: -PI,
                    pitch: PI,
                },
            ),
            (
                Input::Key(Key::Left),
                Action::Turn {
                    yaw: -ARROW,
                    pitch: 0.0,
                },
            ),
            (
                Input::Key(Key::Right),
                Action::Turn {
                    yaw: ARROW,
                    pitch: 0.0,
                },
            ),
            (
                Input::Key(Key::Up),
                Action::Turn {
                    yaw: 0.0,
                    pitch: ARROW,
                },
            ),
            (
                Input::Key(Key::Down),
                Action::Turn {
                    yaw: 0.0,
                    pitch: -ARROW,
                },
            ),
        ],
        make: |n| Action::Turn {
            yaw: n[0].to_radians(),
            pitch: n[1].to_radians(),
        },
    },
    Entry {
        name: "camera.pan",
        arguments: "RIGHT,UP",
        about: "move sideways (heights of the picture)",
        bindings: &[
            (
                Input::Drag(Button::Right),
                Action::Pan {
                    right: -1.0,
                    up: 1.0,
                },
            ),
            (
                Input::Drag(Button::Middle),
                Action::Pan {
                    right: -1.0,
                    up: 1.0,
                },
            ),
        ],
        make: |n| Action::Pan {
            right: n[0],
            up: n[1],
        },
    },
    Entry {
        name: "camera.dolly",
        arguments: "STEPS",
        about: "go nearer, or farther",
        bindings: &[
            (Input::Wheel, Action::Dolly { steps: 1.0 }),
            (Input::Key(Key::Char('+')), Action::Dolly { steps: 1.0 }),
            (Input::Key(Key::Char('-')), Action::Dolly { steps: -1.0 }),
        ],
        make: |n| Action::Dolly { steps: n[0] },
    },
    Entry {
        name: "camera.frame",
        arguments: "",
        about: "look at everything from here",
        bindings: &[(Input::Key(Key::Char('f')), Action::Frame)],
        make: |_| Action::Frame,
    },
    Entry {
        name: "camera.reset",
        arguments: "",
        about: "go back to the first view",
        bindings: &[(Input::Key(Key::Char('r')), Action::Reset)],
        make: |_| Action::Reset,
    },
    Entry {
        name: "picture.save",
        arguments: "",
        about: "save the picture as PNG",
        bindings: &[(Input::Key(Key::Char('s')), Action::Save)],
        make: |_| Action::Save,
    },
    Entry {
        name: "help",
        arguments: "",
        about: "print this list",
        bindings: &[(Input::Key(Key::Char('h')), Action::Help)],
        make: |_| Action::Help,
    },
    Entry {
        name: "quit",
        arguments: "",
        about: "close the window",
        bindings: &[
            (Input::Key(Key::Char('q')), Action::Quit),
            (Input::Key(Key::Escape), Action::Quit),
        ],
        make: |_| Action::Quit,
    },
    Entry {
        name: "device.lose",
        arguments: "",
        about: "lose the device, to try how it comes back",
        bindings: &[],
        make: |_| Action::LoseDevice,
    },
    Entry {
        name: "panel.toggle",
        arguments: "",
        about: "show or hide the panel",
        bindings: &[(Input::Key(Key::Char('p')), Action::Panel)],
        make: |_| Action::Panel,
    },
    Entry {
        name: "look.axes",
        arguments: "",
        about: "show or hide axes and the box",
        bindings: &[(Input::Key(Key::Char('x')), Action::Axes)],
        make: |_| Action::Axes,
    },
    Entry {
        name: "look.pass-times",
        arguments: "",
        about: "time each pass, or no longer",
        bindings: &[(Input::Key(Key::Char('t')), Action::PassTimes)],
        make: |_| Action::PassTimes,
    },
    Entry {
        name: "look.exposure",
        arguments: "STOPS",
        about: "brighter, or darker (doublings)",
        bindings: &[],
        make: |n| Action::Exposure { stops: n[0] },
    },
    Entry {
        name: "look.bloom",
        arguments: "AMOUNT",
        about: "glow around what is bright (0 to 1)",
        bindings: &[],
        make: |n| Action::Bloom { amount: n[0] },
    },
    Entry {
        name: "look.harmony",
        arguments: "AMOUNT",
        about: "colour that surfaces keep (0 to 1)",
        bindings: &[],
        make: |n| Action::Harmony { amount: n[0] },
    },
    Entry {
        name: "look.tone-map",
        arguments: "none|neutral|agx|aces",
        about: "how radiance becomes colour",
        bindings: &[],
        make: |n| Action::ToneMap(ToneMapChoice::value_variants()[n[0] as usize]),
    },
    Entry {
        name: "look.quality",
        arguments: "cpu|high",
        about: "how much work a picture is worth",
        bindings: &[],
        make: |n| Action::Quality(QualityChoice::value_variants()[n[0] as usize]),
    },
    Entry {
        name: "look.show",
        arguments: "colours|normals|cascades|lights|instances|overdraw|levels|clusters|cluster-paths",
        about: "how the picture is made",
        bindings: &[],
        make: |n| {
            let choices = ShowChoice::value_variants();
            Action::Show((n[0] as usize).checked_sub(1).map(|choice| choices[choice]))
        },
    },
    Entry {
        name: "variant.show",
        arguments: "NUMBER",
        about: "a variant of the materials (0 for none)",
        bindings: &[],
        make: |n| Action::Variant {
            number: n[0] as u32,
        },
    },
    Entry {
        name: "variant.next",
        arguments: "",
        about: "the next variant of the materials",
        bindings: &[(Input::Key(Key::Char('v')), Action::NextVariant)],
        make: |_| Action::NextVariant,
    },
    Entry {
        name: "animation.play",
        arguments: "",
        about: "play the animation, or stop it",
        bindings: &[(Input::Key(Key::Char(' ')), Action::Play)],
        make: |_| Action::Play,
    },
    Entry {
        name: "animation.next",
        arguments: "",
        about: "play the next animation",
        bindings: &[(Input::Key(Key::Char('n')), Action::NextClip)],
        make: |_| Action::NextClip,
    },
    Entry {
        name: "animation.clip",
        arguments: "N",
        about: "play this animation (from 0; -1 none)",
        bindings: &[],
        make: |n| Action::Clip {
            number: (n[0] >= 0.0).then_some(n[0] as usize),
        },
    },
    Entry {
        name: "animation.speed",
        arguments: "FACTOR",
        about: "play faster, slower or backwards",
        bindings: &[],
        make: |n| Action::Speed { factor: n[0] },
    },
    Entry {
        name: "animation.seek",
        arguments: "SECONDS",
        about: "go to this time of the animation",
        bindings: &[],
        make: |n| Action::Seek { seconds: n[0] },
    },
    Entry {
        name: "animation.repeat",
        arguments: "once|loop|ping-pong",
        about: "what comes after its end",
        bindings: &[],
        make: |n| Action::Repeat(RepeatChoice::value_variants()[n[0] as usize]),
    },
];

/// The action of an input, for a movement of 1 each way.
#[must_use]
pub fn bound(input: Input) -> Option<Action> {
    ACTIONS
        .iter()
        .flat_map(|entry| entry.bindings)
        .find(|(bound, _)| *bound == input)
        .map(|(_, action)| *action)
}

/// The table for people.
#[must_use]
pub fn help() -> String {
    let rows = ACTIONS.iter().map(|entry| {
        let inputs: Vec<_> = entry
            .bindings
            .iter()
            .map(|(input, _)| input.to_string())
            .collect();
        let equals = if entry.arguments.is_empty() { "" } else { "=" };
        (
            inputs.join(", "),
            entry.about,
            format!("{}{equals}{}", entry.name, entry.arguments),
        )
    });
    let mut text = "Keys and mouse, what they do, and the name for --do:\n".to_owned();
    for (inputs, about, name) in rows {
        let _ = writeln!(text, "  {inputs:<36} {about:<40} {name}");
    }
    text
}

impl Action {
    /// The action of a drag or the wheel, for this much movement right and down (or lines of the wheel).
    #[must_use]
    pub fn scaled(self, x: f32, y: f32) -> Self {
        match self {
            Self::Turn { yaw, pitch } => Self::Turn {
                yaw: yaw * x,
                pitch: pitch * y,
            },
            Self::Pan { right, up } => Self::Pan {
                right: right * x,
                up: up * y,
            },
            Self::Dolly { steps } => Self::Dolly { steps: steps * y },
            other => other,
        }
    }
}

/// Why a `--do` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionError(String);

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ActionError {}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        let (name, arguments) = text
            .split_once('=')
            .map_or((text, None), |(name, rest)| (name, Some(rest)));
        let entry = ACTIONS
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = ACTIONS.iter().map(|entry| entry.name).collect();
                ActionError(format!(
                    "there is no action '{name}'; there are {}",
                    names.join(", ")
                ))
            })?;
        let wanted = entry
            .arguments
            .split(',')
            .filter(|argument| !argument.is_empty())
            .count();
        let given: Vec<&str> =
            arguments.map_or_else(Vec::new, |arguments| arguments.split(',').collect());
        let words: Vec<&str> = entry.arguments.split('|').collect();
        let number = |text: &&str| -> Option<f32> {
            if words.len() > 1 {
                let place = words.iter().position(|word| *word == text.trim())?;
                return Some(place as f32);
            }
            text.trim().parse().ok().filter(|n: &f32| n.is_finite())
        };
        let numbers: Vec<f32> = given.iter().filter_map(number).collect();
        if numbers.len() != given.len() || given.len() != wanted {
            let usage = if wanted == 0 {
                "nothing".to_owned()
            } else {
                format!("={}", entry.arguments)
            };
            return Err(ActionError(format!("{name} takes {usage} after its name")));
        }
        Ok((entry.make)(&numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_inputs_are_unique() {
        for (i, a) in ACTIONS.iter().enumerate() {
            assert!(
                ACTIONS.iter().skip(i + 1).all(|b| a.name != b.name),
                "{}",
                a.name
            );
        }
        let inputs: Vec<_> = ACTIONS
            .iter()
            .flat_map(|entry| entry.bindings)
            .map(|(input, _)| input)
            .collect();
        for (i, a) in inputs.iter().enumerate() {
            assert!(!inputs[i + 1..].contains(a), "{a} does two things");
        }
    }

    #[test]
    fn words_of_actions_are_those_of_options() {
        fn words<T: ValueEnum>() -> Vec<String> {
            let values = T::value_variants().iter().filter_map(T::to_possible_value);
            values.map(|value| value.get_name().to_owned()).collect()
        }
        let colours = vec!["colours".to_owned()];
        for (name, words) in [
            ("look.tone-map", words::<ToneMapChoice>()),
            ("look.quality", words::<QualityChoice>()),
            ("look.show", [colours, words::<ShowChoice>()].concat()),
            ("animation.repeat", words::<RepeatChoice>()),
        ] {
            let entry = ACTIONS.iter().find(|entry| entry.name == name).unwrap();
            assert_eq!(entry.arguments, words.join("|"), "{name}");
        }
    }

    #[test]
    fn every_action_can_be_called_by_its_name_and_is_in_the_help() {
        for entry in &ACTIONS {
            let numbers = entry
                .arguments
                .split(',')
                .map(|argument| argument.split_once('|').map_or("2", |(word, _)| word))
                .collect::<Vec<_>>()
                .join(",");
            let text = if entry.arguments.is_empty() {
                entry.name.to_owned()
            } else {
                format!("{}={numbers}", entry.name)
            };
            let action: Action = text
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            for (input, bound) in entry.bindings {
                assert_eq!(
                    std::mem::discriminant(&action),
                    std::mem::discriminant(bound),
                    "{input} is bound to another action than its row's name makes"
                );
            }
            assert!(help().contains(entry.name) && help().contains(entry.about));
        }
    }

    #[test]
    fn what_do_can_say() {
        let turn = Action::Turn {
            yaw: PI / 2.0,
            pitch: -PI / 4.0,
        };
        let cases = [
            ("camera.turn=90,-45", Ok(turn)),
            ("camera.dolly=-2", Ok(Action::Dolly { steps: -2.0 })),
            ("quit", Ok(Action::Quit)),
            ("quit=1", Err("quit takes nothing after its name")),
            (
                "camera.turn",
                Err("camera.turn takes =YAW,PITCH after its name"),
            ),
            (
                "camera.turn=1",
                Err("camera.turn takes =YAW,PITCH after its name"),
            ),
            (
                "camera.turn=a,b",
                Err("camera.turn takes =YAW,PITCH after its name"),
            ),
            ("look.exposure=-1.5", Ok(Action::Exposure { stops: -1.5 })),
            (
                "look.tone-map=aces",
                Ok(Action::ToneMap(ToneMapChoice::Aces)),
            ),
            ("look.quality=cpu", Ok(Action::Quality(QualityChoice::Cpu))),
            ("look.show=colours", Ok(Action::Show(None))),
            (
                "look.show=overdraw",
                Ok(Action::Show(Some(ShowChoice::Overdraw))),
            ),
            (
                "look.tone-map=2",
                Err("look.tone-map takes =none|neutral|agx|aces after its name"),
            ),
            (
                "camera.turn=nan,1",
                Err("camera.turn takes =YAW,PITCH after its name"),
            ),
            (
                "fly",
                Err(
                    "there is no action 'fly'; there are camera.turn, camera.pan, camera.dolly, camera.frame, \
                     camera.reset, picture.save, help, quit, device.lose, panel.toggle, look.axes, look.pass-times, look.exposure, \
                     look.bloom, look.harmony, look.tone-map, look.quality, look.show, variant.show, variant.next, animation.play, animation.next, animation.clip, animation.speed, animation.seek, animation.repeat",
                ),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                text.parse::<Action>().map_err(|error| error.to_string()),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_dragged_follows_the_mouse() {
        let Some(Action::Turn { yaw, .. }) =
            bound(Input::Drag(Button::Left)).map(|action| action.scaled(0.5, 0.0))
        else {
            panic!("a left drag turns");
        };
        assert_eq!(
            yaw,
            -PI / 2.0,
            "half a window to the right turns the model right: the camera goes left"
        );
        let Some(Action::Pan { right, up }) =
            bound(Input::Drag(Button::Middle)).map(|action| action.scaled(0.25, 0.5))
        else {
            panic!("a middle drag pans");
        };
        assert_eq!((right, up), (-0.25, 0.5));
    }
}
