//! Rows as text, JSON and SVG.
#![allow(clippy::print_stdout, reason = "the table is what the program is for")]

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use crate::Case;

/// One case, measured.
#[derive(Serialize)]
pub(crate) struct Row {
    case: &'static str,
    clock: &'static str,
    cells: Vec<Cell>,
    targets: Vec<Goal>,
}

#[derive(Serialize)]
struct Cell {
    subject: &'static str,
    median: f64,
    unit: &'static str,
    ratio_to_best_peer: Option<f64>,
    ratio_to_floor: Option<f64>,
    gigabytes_a_second: Option<f64>,
}

#[derive(Serialize)]
struct Goal {
    subject: &'static str,
    peer: String,
    target: f64,
    ratio: f64,
    met: bool,
}

fn is_peer(subject: &str) -> bool {
    !subject.starts_with("base") && !subject.starts_with("storm")
}

fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.min_by(f64::total_cmp)
}

impl Row {
    pub(crate) fn new(
        case: &Case<'_>,
        clock: &'static str,
        medians: &[(&'static str, f64)],
    ) -> Self {
        let best = least(
            medians
                .iter()
                .filter(|(name, _)| is_peer(name))
                .map(|&(_, time)| time),
        );
        let floor = least(
            medians
                .iter()
                .filter(|(name, _)| name.starts_with("base"))
                .map(|&(_, time)| time),
        );
        let cells = medians.iter().map(|&(subject, median)| Cell {
            subject,
            median,
            unit: "ns",
            ratio_to_best_peer: best.map(|best| median / best),
            ratio_to_floor: floor.map(|floor| median / floor),
            gigabytes_a_second: case.bytes.map(|bytes| bytes as f64 / median),
        });
        let find = |name: &str| {
            medians
                .iter()
                .find(|(subject, _)| *subject == name)
                .map(|&(_, time)| time)
        };
        let goals = case.targets.iter().filter_map(|target| {
            let peer = match target.peer {
                Some(peer) => find(peer)?,
                None => best?,
            };
            let ratio = find(target.subject)? / peer;
            let peer = target.peer.unwrap_or("best peer").to_owned();
            Some(Goal {
                subject: target.subject,
                peer,
                target: target.ratio,
                ratio,
                met: ratio <= target.ratio,
            })
        });
        let limits = case.limits.iter().filter_map(|&(subject, limit)| {
            let time = find(subject)?;
            Some(Goal {
                subject,
                peer: "1 ns".to_owned(),
                target: limit,
                ratio: time,
                met: time <= limit,
            })
        });
        Self {
            case: case.name,
            clock,
            cells: cells.collect(),
            targets: goals.chain(limits).collect(),
        }
    }

    pub(crate) fn figure(
        case: &'static str,
        unit: &'static str,
        values: &[(&'static str, f64)],
        limit: Option<f64>,
    ) -> Self {
        let cells = values.iter().map(|&(subject, median)| Cell {
            subject,
            median,
            unit,
            ratio_to_best_peer: None,
            ratio_to_floor: None,
            gigabytes_a_second: None,
        });
        let goals = values
            .iter()
            .filter(|(subject, _)| *subject == "storm")
            .filter_map(|&(subject, value)| {
                limit.map(|target| Goal {
                    subject,
                    peer: unit.to_owned(),
                    target,
                    ratio: value,
                    met: value <= target,
                })
            });
        Self {
            case,
            clock: "none",
            cells: cells.collect(),
            targets: goals.collect(),
        }
    }

    pub(crate) fn print(&self) {
        println!("{} ({})", self.case, self.clock);
        for cell in &self.cells {
            let ratio = |ratio: Option<f64>| {
                ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
            };
            let value = if cell.unit == "ns" {
                time(cell.median)
            } else {
                format!("{:.2} {}", cell.median, cell.unit)
            };
            let rate = cell
                .gigabytes_a_second
                .map_or_else(String::new, |rate| format!("  {rate:.1} GB/s"));
            println!(
                "    {:<22} {:>12}   ×{:<6} best peer  ×{:<6} floor{rate}",
                cell.subject,
                value,
                ratio(cell.ratio_to_best_peer),
                ratio(cell.ratio_to_floor)
            );
        }
        for goal in &self.targets {
            let verdict = if goal.met { "met" } else { "MISSED" };
            println!(
                "    target: {} ÷ {} = {:.3}, at most {}: {verdict}",
                goal.subject, goal.peer, goal.ratio, goal.target
            );
        }
    }
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

/// Where cargo puts its output: the nearest `target` above the running program.
fn folder() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .find(|folder| folder.ends_with("target"));
    let folder = target
        .map_or_else(|| PathBuf::from("target"), PathBuf::from)
        .join("compare");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub(crate) fn write(name: &str, rows: &[Row]) -> std::io::Result<()> {
    let folder = folder()?;
    std::fs::write(
        folder.join(format!("{name}.json")),
        serde_json::to_vec_pretty(rows)?,
    )?;
    std::fs::write(folder.join(format!("{name}.svg")), svg(name, rows))?;
    let goals: Vec<_> = rows.iter().flat_map(|row| &row.targets).collect();
    println!(
        "{} of {} targets met; {}",
        goals.iter().filter(|goal| goal.met).count(),
        goals.len(),
        folder.display()
    );
    Ok(())
}

/// Bars on a logarithmic scale, each case relative to its best peer.
fn svg(name: &str, rows: &[Row]) -> String {
    let lines: usize = rows.iter().map(|row| row.cells.len() + 2).sum();
    let height = 40 + lines * 14;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"10\" y=\"20\" font-size=\"14\">{name}: time relative to the best peer (log scale, shorter is better)</text>"
    );
    let mut y = 40;
    for row in rows {
        let _ = write!(
            out,
            "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{}</text>",
            row.case
        );
        y += 14;
        for cell in &row.cells {
            let ratio = cell.ratio_to_best_peer.unwrap_or(1.0);
            let length = ((ratio.log2() + 6.0) * 40.0).clamp(2.0, 560.0);
            let colour = match cell.subject {
                subject if subject.starts_with("storm") => "#2060c0",
                subject if subject.starts_with("base") => "#808080",
                _ => "#d08030",
            };
            let _ = write!(
                out,
                "<text x=\"20\" y=\"{y}\">{}</text><rect x=\"170\" y=\"{}\" width=\"{length:.0}\" height=\"10\" fill=\"{colour}\"/>\
                 <text x=\"{:.0}\" y=\"{y}\">{ratio:.2} ({:.0} {})</text>",
                cell.subject,
                y - 9,
                175.0 + length,
                cell.median,
                cell.unit
            );
            y += 14;
        }
        y += 14;
    }
    out.push_str("</svg>\n");
    out
}
