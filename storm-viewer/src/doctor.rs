//! `doctor`: what the Vulkan driver and the display of this machine can do, as they say themselves.

use std::fmt::Write as _;

use serde::Serialize;
use storm_render::{DeviceKind, RenderError, Survey};

use crate::{
    cli::DoctorArgs,
    error::{ViewerError, one_line},
    output,
};

/// What `doctor --json` says; docs/viewer.md explains the keys.
#[derive(Serialize)]
struct Report {
    usable: bool,
    loader: Option<String>,
    loader_error: Option<String>,
    validation_layer: bool,
    display: Option<String>,
    display_error: Option<String>,
    devices: Vec<Device>,
}

#[derive(Serialize)]
struct Device {
    name: String,
    driver: String,
    vulkan: String,
    kind: &'static str,
    memory_bytes: u64,
    usable: bool,
    refusal: Option<String>,
    chosen: bool,
    image_side_max: u32,
    samples_max: u32,
    anisotropy: bool,
}

/// Says what there is. Fails where nothing can be drawn with.
pub(crate) fn run(args: &DoctorArgs) -> Result<(), ViewerError> {
    let report = report(Survey::new(), crate::display());
    if args.json {
        output::json(&report)?;
    } else {
        output::stdout(&table(&report))?;
    }
    if report.usable {
        Ok(())
    } else {
        Err(ViewerError::NothingUsable)
    }
}

fn report(survey: Result<Survey, RenderError>, display: Result<String, String>) -> Report {
    let (display, display_error) = match display {
        Ok(display) => (Some(display), None),
        Err(error) => (None, Some(one_line(&error))),
    };
    let (survey, loader_error) = match survey {
        Ok(survey) => (Some(survey), None),
        Err(error) => (None, Some(one_line(&error.to_string()))),
    };
    let version = |(major, minor, patch): (u32, u32, u32)| format!("{major}.{minor}.{patch}");
    let devices: Vec<_> = survey
        .iter()
        .flat_map(|survey| &survey.devices)
        .map(|device| Device {
            name: one_line(&device.info.name),
            driver: one_line(&device.info.driver),
            vulkan: version(device.info.api_version),
            kind: match device.kind {
                DeviceKind::Discrete => "discrete GPU",
                DeviceKind::Integrated => "integrated GPU",
                DeviceKind::Virtual => "virtual GPU",
                DeviceKind::Cpu => "CPU",
                _ => "other",
            },
            memory_bytes: device.info.memory,
            usable: device.refusal.is_none(),
            refusal: device.refusal.as_deref().map(one_line),
            chosen: device.chosen,
            image_side_max: device.image_side_max,
            samples_max: device.samples_max,
            anisotropy: device.anisotropy,
        })
        .collect();
    Report {
        usable: devices.iter().any(|device| device.usable),
        loader: survey.as_ref().map(|survey| version(survey.loader_version)),
        loader_error,
        validation_layer: survey.as_ref().is_some_and(|survey| survey.validation),
        display,
        display_error,
        devices,
    }
}

fn table(report: &Report) -> String {
    let mut text = String::new();
    let mut row = |what: &str, value: &str| {
        let _ = writeln!(text, "{what:<17} {value}");
    };
    match (&report.loader, &report.loader_error) {
        (Some(version), _) => row("Vulkan loader", version),
        (None, error) => row("Vulkan loader", error.as_deref().unwrap_or("none")),
    }
    row(
        "validation layer",
        if report.validation_layer {
            "installed"
        } else {
            "not installed (only tests need it)"
        },
    );
    match (&report.display, &report.display_error) {
        (Some(display), _) => row("display", display),
        (None, error) => row(
            "display",
            &format!("none: {}", error.as_deref().unwrap_or("unknown")),
        ),
    }
    if report.loader.is_some() && report.devices.is_empty() {
        row("Vulkan devices", "none: no driver is installed");
    }
    for device in &report.devices {
        row("Vulkan device", &device.name);
        row(
            "",
            &format!(
                "{}, Vulkan {}, {} MiB",
                device.kind,
                device.vulkan,
                device.memory_bytes >> 20
            ),
        );
        if !device.driver.is_empty() {
            row("", &format!("driver {}", device.driver));
        }
        let anisotropy = if device.anisotropy {
            "anisotropic filtering"
        } else {
            "no anisotropic filtering"
        };
        row(
            "",
            &format!(
                "pictures up to {0}x{0}, up to {1} samples a pixel, {anisotropy}",
                device.image_side_max, device.samples_max
            ),
        );
        match (&device.refusal, device.chosen) {
            (Some(refusal), _) => row("", &format!("cannot be used: {refusal}")),
            (None, true) => row("", "usable, and the one that is taken"),
            (None, false) => row("", "usable; --gpu NAME takes it"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_loader_and_a_display_is_told_so() {
        let error = RenderError::NoLoader("libvulkan.so.1:\ncannot open".into());
        let report = report(Err(error), Err("DISPLAY is not set".into()));
        assert!(!report.usable);
        let text = table(&report);
        assert!(
            text.contains("no Vulkan loader on this machine: libvulkan.so.1: cannot open\n"),
            "{text}"
        );
        assert!(text.contains("none: DISPLAY is not set\n"), "{text}");
    }
}
