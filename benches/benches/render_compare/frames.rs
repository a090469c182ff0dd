//! What a frame costs: CPU time of all threads but the driver's, and wall time.

use std::{
    io::{Error, Result},
    process::Command,
    time::Instant,
};

use storm_benches::Comparison;

use crate::{
    storm_frames::Storm,
    threads,
    world::{self, Motion},
};

/// Says that this process measures one subject.
pub(crate) const CHILD: &str = "--frames-of";
/// Frames before the measured ones: uploads, pipelines, and what follows a change of motion.
const WARM: u32 = 4;

/// Something that draws the boxes.
pub(crate) trait Frames {
    /// Moves, and draws a frame.
    fn frame(&mut self, motion: Motion);

    /// The last picture that has arrived, RGBA; none before the first.
    fn picture(&mut self) -> Option<Vec<u8>>;

    /// No more pictures are asked for.
    fn stop_reading(&mut self) {}

    /// Pipelines made so far, where that is counted.
    fn pipelines(&self) -> u64 {
        0
    }
}

/// Nanoseconds of a frame, for each motion.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: [f64; 3],
    wall: [f64; 3],
}

const SUBJECTS: &[&str] = if cfg!(feature = "bevy") {
    &["storm", "bevy", "bevy, GPU culling"]
} else {
    &["storm"]
};

const CASES: [(usize, [[&str; 2]; 3]); 2] = [
    (
        100_000,
        [
            ["frame 100k still", "frame 100k still, wall"],
            ["frame 100k 10 % moving", "frame 100k 10 % moving, wall"],
            ["frame 100k all moving", "frame 100k all moving, wall"],
        ],
    ),
    (
        1_000_000,
        [
            ["frame 1M still", "frame 1M still, wall"],
            ["frame 1M 10 % moving", "frame 1M 10 % moving, wall"],
            ["frame 1M all moving", "frame 1M all moving, wall"],
        ],
    ),
];

/// Measures every subject at every size that was asked for.
pub(crate) fn run(comparison: &mut Comparison) -> Result<()> {
    let (rounds, frames) = if comparison.is_quick() {
        (1, 4)
    } else {
        (3, 10)
    };
    for (count, names) in CASES {
        if !names.iter().flatten().any(|name| comparison.wants(name)) {
            continue;
        }
        let mut all: Vec<(&'static str, Vec<Cost>)> = SUBJECTS
            .iter()
            .map(|&subject| (subject, Vec::new()))
            .collect();
        for _ in 0..rounds {
            let mut absent = Vec::new();
            for (subject, costs) in &mut all {
                match measure(subject, count, frames) {
                    Ok(cost) => costs.push(cost),
                    // Of ours that is a failure; a peer that does not draw this is named and left out.
                    Err(error) if *subject == "storm" => return Err(error),
                    Err(error) => {
                        comparison.absent(subject, &error.to_string());
                        absent.push(*subject);
                    }
                }
            }
            all.retain(|(subject, _)| !absent.contains(subject));
        }
        for (motion, [cpu_name, wall_name]) in names.into_iter().enumerate() {
            let medians = |of: fn(&Cost) -> [f64; 3]| -> Vec<(&'static str, f64)> {
                all.iter()
                    .map(|(subject, costs)| {
                        let mut values: Vec<_> =
                            costs.iter().map(|cost| of(cost)[motion]).collect();
                        values.sort_by(f64::total_cmp);
                        (*subject, values[values.len() / 2])
                    })
                    .collect()
            };
            comparison.times(
                cpu_name,
                "CPU of all threads but the driver's",
                &medians(|cost| cost.cpu),
                Some(0.5),
            );
            comparison.times(wall_name, "wall", &medians(|cost| cost.wall), None);
        }
    }
    Ok(())
}

/// Runs this program again for one subject and size.
fn measure(subject: &str, count: usize, frames: u32) -> Result<Cost> {
    let output = Command::new(std::env::current_exe()?)
        .args([CHILD, subject, &count.to_string(), &frames.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut cost = Cost::default();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("cost "));
    for motion in 0..3 {
        let numbers: Option<Vec<f64>> = lines.next().map(|line| {
            line.split(' ')
                .filter_map(|word| word.parse().ok())
                .collect()
        });
        let Some(&[cpu, wall]) = numbers.as_deref() else {
            return Err(Error::other(format!(
                "{subject} at {count} gave no figures: {}",
                String::from_utf8_lossy(&output.stderr)
            )));
        };
        (cost.cpu[motion], cost.wall[motion]) = (cpu, wall);
    }
    Ok(cost)
}

/// Measures one subject and prints a line for each motion.
#[allow(clippy::print_stdout, reason = "the parent process reads it")]
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let [subject, count, frames, rest @ ..] = arguments else {
        return Err(Error::other("a subject, a size and a number of frames"));
    };
    let count = count.parse().map_err(Error::other)?;
    let frames: u32 = frames.parse().map_err(Error::other)?;
    let mut subject: Box<dyn Frames> = match subject.as_str() {
        "storm" => Box::new(Storm::new(count).map_err(|error| Error::other(error.to_string()))?),
        #[cfg(feature = "bevy")]
        "bevy" => Box::new(crate::bevy_frames::Bevy::new(count, false)),
        #[cfg(feature = "bevy")]
        "bevy, GPU culling" => Box::new(crate::bevy_frames::Bevy::new(count, true)),
        other => return Err(Error::other(format!("no subject is called {other}"))),
    };
    let picture = first_picture(subject.as_mut())?;
    if let Some(path) = rest.iter().find(|word| word.ends_with(".ppm")) {
        let (width, height) = world::SIZE;
        let mut bytes = format!("P6 {width} {height} 255\n").into_bytes();
        bytes.extend(picture.chunks(4).flat_map(|pixel| &pixel[..3]));
        std::fs::write(path, bytes)?;
    }
    for motion in Motion::EACH {
        for _ in 0..WARM {
            subject.frame(motion);
        }
        let (pipelines, cpu, wall) = (subject.pipelines(), threads::own_cpu(), Instant::now());
        for _ in 0..frames {
            subject.frame(motion);
        }
        let wall = wall.elapsed().as_nanos() as f64 / f64::from(frames);
        let cpu = (threads::own_cpu() - cpu) as f64 / f64::from(frames);
        println!("cost {cpu} {wall}");
        assert_eq!(subject.pipelines(), pipelines, "no pipeline after frame 3");
    }
    if rest.iter().any(|word| word == "--threads") {
        println!("{}", threads::table());
    }
    Ok(())
}

/// Draws until boxes are seen: Bevy makes its pipelines beside the frames, and leaves out what has none yet.
fn first_picture(subject: &mut dyn Frames) -> Result<Vec<u8>> {
    let start = Instant::now();
    while start.elapsed().as_secs() < 120 {
        subject.frame(Motion::Still);
        if let Some(picture) = subject.picture()
            && differing(&picture) > 1000
        {
            subject.stop_reading();
            return Ok(picture);
        }
    }
    Err(Error::other("nothing was drawn within two minutes"))
}

/// Pixels that differ from their left neighbour.
fn differing(picture: &[u8]) -> usize {
    picture
        .chunks(4)
        .zip(picture.chunks(4).skip(1))
        .filter(|(a, b)| a != b)
        .count()
}
