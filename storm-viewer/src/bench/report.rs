//! What a run says: JSON for programs, and a chart beside it.

use std::fmt::Write as _;

use serde::Serialize;

/// What one frame took and did.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct FrameLine {
    /// From the beginning of the frame to when the device was done with it.
    pub(super) ms: f64,
    /// Of that, passes on the device.
    pub(super) gpu_ms: f64,
    /// Triangles that the scene has in all its instances.
    pub(super) triangles_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups_tested: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clusters_drawn: Option<u64>,
    /// Of those, by compute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clusters_small: Option<u64>,
    /// For want of room in the lists: drawn coarsely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) triangles_drawn: Option<u64>,
    /// Of pages of clusters: uploaded since the frame before (in the first: since the beginning), and there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_streamed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_resident: Option<u64>,
    /// To the device: instances, tables, pages.
    pub(super) uploaded_bytes: u64,
    #[serde(skip)]
    pub(super) passes: Vec<(&'static str, f64)>,
}

/// What a pass took over the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PassLine {
    pub(super) name: &'static str,
    pub(super) ms_median: f64,
    pub(super) ms_p95: f64,
}

/// A whole run; docs/viewer.md explains the keys.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) scene: String,
    pub(super) detail: &'static str,
    pub(super) device: String,
    pub(super) driver: String,
    pub(super) software: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) instances: u64,
    pub(super) source_triangles: u64,
    pub(super) unique_triangles: u64,
    pub(super) load_ms: f64,
    pub(super) build_ms: f64,
    pub(super) first_frame_ms: f64,
    pub(super) frame_ms_median: f64,
    pub(super) frame_ms_p95: f64,
    pub(super) frame_ms_max: f64,
    pub(super) gpu_ms_median: f64,
    pub(super) gpu_ms_p95: f64,
    pub(super) groups_tested_median: Option<u64>,
    pub(super) clusters_drawn_median: Option<u64>,
    pub(super) clusters_small_median: Option<u64>,
    pub(super) triangles_drawn_median: Option<u64>,
    pub(super) uploaded_bytes: u64,
    pub(super) memory_bytes: u64,
    /// Of pages of clusters, at the end.
    pub(super) page_bytes: u64,
    pub(super) budget_bytes: Option<u64>,
    pub(super) bytes_streamed: Option<u64>,
    pub(super) passes: Vec<PassLine>,
    pub(super) frames: Vec<FrameLine>,
}

/// The value below which this part of others lies, 0 to 1; 0 of none.
pub(super) fn part_below(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count => values[((count - 1) as f64 * part).round() as usize],
    }
}

fn median_of(frames: &[FrameLine], of: impl Fn(&FrameLine) -> Option<u64>) -> Option<u64> {
    let values: Option<Vec<f64>> = frames.iter().map(|f| of(f).map(|n| n as f64)).collect();
    let values = values.filter(|values| !values.is_empty())?;
    Some(part_below(values, 0.5) as u64)
}

impl Report {
    /// Fills in what follows from the frames.
    pub(super) fn summed(mut self, frames: Vec<FrameLine>) -> Self {
        let all = |of: fn(&FrameLine) -> f64, part| part_below(frames.iter().map(of), part);
        self.frame_ms_median = all(|f| f.ms, 0.5);
        self.frame_ms_p95 = all(|f| f.ms, 0.95);
        self.frame_ms_max = all(|f| f.ms, 1.0);
        self.gpu_ms_median = all(|f| f.gpu_ms, 0.5);
        self.gpu_ms_p95 = all(|f| f.gpu_ms, 0.95);
        self.groups_tested_median = median_of(&frames, |f| f.groups_tested);
        self.clusters_drawn_median = median_of(&frames, |f| f.clusters_drawn);
        self.clusters_small_median = median_of(&frames, |f| f.clusters_small);
        self.triangles_drawn_median = median_of(&frames, |f| f.triangles_drawn);
        self.bytes_streamed = frames.iter().map(|f| f.bytes_streamed).sum();
        self.uploaded_bytes = frames.iter().map(|f| f.uploaded_bytes).sum();
        let mut names: Vec<&'static str> = Vec::new();
        for (name, _) in frames.iter().flat_map(|f| &f.passes) {
            if !names.contains(name) {
                names.push(name);
            }
        }
        self.passes = names
            .into_iter()
            .map(|name| {
                // A pass may run several times a frame.
                let of = |frame: &FrameLine| {
                    let same = frame.passes.iter().filter(|(other, _)| *other == name);
                    same.map(|(_, ms)| ms).sum::<f64>()
                };
                let at = |part| round(part_below(frames.iter().map(of), part));
                PassLine {
                    name,
                    ms_median: at(0.5),
                    ms_p95: at(0.95),
                }
            })
            .collect();
        self.frames = frames;
        self
    }

    /// The run as a chart: time over frames, above it what the passes are.
    pub(super) fn chart(&self) -> String {
        const WIDTH: f64 = 900.0;
        const HEIGHT: f64 = 360.0;
        const LEFT: f64 = 60.0;
        const TOP: f64 = 56.0;
        const BOTTOM: f64 = 40.0;
        let most = self
            .frames
            .iter()
            .map(|f| f.ms.max(f.gpu_ms))
            .fold(1e-6, f64::max);
        let top = nice(most);
        let legend = self.passes.len().div_ceil(4) as f64 * 16.0;
        let height = HEIGHT + legend + 12.0;
        let x = |frame: f64| {
            LEFT + (WIDTH - LEFT - 16.0) * frame / (self.frames.len().max(2) - 1) as f64
        };
        let y = |ms: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - ms / top);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"11\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"12\" y=\"20\" font-size=\"14\">{}: {} triangles in {} instances, {}</text>\n\
             <text x=\"12\" y=\"38\">{}x{} on {}; frame {:.2} ms (median), passes {:.2} ms</text>\n",
            escaped(&self.scene),
            self.source_triangles,
            self.instances,
            self.detail,
            self.width,
            self.height,
            escaped(&self.device),
            self.frame_ms_median,
            self.gpu_ms_median,
        );
        for step in 0..=4 {
            let ms = top * f64::from(step) / 4.0;
            let at = y(ms);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} ms</text>",
                WIDTH - 16.0,
                LEFT - 6.0,
                at + 4.0,
                trimmed(ms),
            );
        }
        // Passes above one another, the longest at the bottom.
        let mut order: Vec<usize> = (0..self.passes.len()).collect();
        order.sort_by(|&a, &b| {
            self.passes[b]
                .ms_median
                .total_cmp(&self.passes[a].ms_median)
        });
        let mut below = vec![0.0; self.frames.len()];
        for (rank, &pass) in order.iter().enumerate() {
            let name = self.passes[pass].name;
            let above: Vec<f64> = self
                .frames
                .iter()
                .zip(&below)
                .map(|(frame, below)| {
                    let same = frame.passes.iter().filter(|(other, _)| *other == name);
                    below + same.map(|(_, ms)| ms).sum::<f64>()
                })
                .collect();
            let mut points = String::new();
            for (frame, ms) in above.iter().enumerate() {
                let _ = write!(points, "{:.1},{:.1} ", x(frame as f64), y(*ms));
            }
            for (frame, ms) in below.iter().enumerate().rev() {
                let _ = write!(points, "{:.1},{:.1} ", x(frame as f64), y(*ms));
            }
            let _ = writeln!(
                out,
                "<polygon points=\"{}\" fill=\"{}\"/>",
                points.trim_end(),
                color(rank)
            );
            let (column, row) = (rank % 4, rank / 4);
            let (at, line) = (LEFT + 206.0 * column as f64, HEIGHT + 16.0 * row as f64);
            let _ = writeln!(
                out,
                "<rect x=\"{at}\" y=\"{line}\" width=\"10\" height=\"10\" fill=\"{}\"/>\
                 <text x=\"{}\" y=\"{}\">{} {} ms</text>",
                color(rank),
                at + 14.0,
                line + 9.0,
                escaped(name),
                trimmed(self.passes[pass].ms_median),
            );
            below = above;
        }
        let mut line = String::new();
        for (frame, values) in self.frames.iter().enumerate() {
            let _ = write!(line, "{:.1},{:.1} ", x(frame as f64), y(values.ms));
        }
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#000\" stroke-width=\"1.2\"/>\n\
             <text x=\"{LEFT}\" y=\"{}\">frame 0 to {}; line: from beginning to end of the frame; areas: passes on the device</text>\n</svg>",
            line.trim_end(),
            HEIGHT - BOTTOM + 24.0,
            self.frames.len().saturating_sub(1),
        );
        out
    }
}

/// To a thousandth.
pub(super) fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn trimmed(ms: f64) -> String {
    let text = format!("{ms:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The next of 1, 2, 4, 5, 8 and 10 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value);
    step.unwrap_or(10.0) * power
}

fn color(rank: usize) -> &'static str {
    const COLORS: [&str; 12] = [
        "#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7",
        "#9c755f", "#bab0ac", "#86bcb6", "#d4a6c8",
    ];
    COLORS[rank % COLORS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(ms: f64, drawn: Option<u64>) -> FrameLine {
        FrameLine {
            ms,
            gpu_ms: ms * 0.5,
            triangles_drawn: drawn,
            passes: vec![
                ("depth", ms * 0.25),
                ("colour", ms * 0.125),
                ("depth", ms * 0.125),
            ],
            ..FrameLine::default()
        }
    }

    #[test]
    fn a_report_is_the_middle_of_its_frames() {
        let frames = [5.0, 1.0, 3.0, 2.0, 4.0].map(|ms| frame(ms, Some((ms * 10.0) as u64)));
        let report = Report::default().summed(frames.to_vec());
        assert_eq!(report.frame_ms_median, 3.0);
        assert_eq!(report.frame_ms_max, 5.0);
        assert_eq!(report.gpu_ms_median, 1.5);
        assert_eq!(report.triangles_drawn_median, Some(30));
        assert_eq!(report.clusters_drawn_median, None);
        assert_eq!(
            report.passes[0],
            PassLine {
                name: "depth",
                ms_median: 1.125,
                ms_p95: 1.875
            }
        );
        assert_eq!(report.passes.len(), 2);
    }

    #[test]
    fn a_chart_is_whole_whatever_it_is_of() {
        for frames in [vec![], vec![frame(1.0, None)], vec![frame(0.0, None); 3]] {
            let report = Report {
                scene: "<a & \"b\">".into(),
                ..Report::default()
            };
            let chart = report.summed(frames).chart();
            assert!(chart.starts_with("<svg") && chart.trim_end().ends_with("</svg>"));
            assert!(chart.contains("&lt;a &amp; &quot;b&quot;&gt;"));
            assert!(!chart.contains("NaN") && !chart.contains("inf"), "{chart}");
        }
    }
}
