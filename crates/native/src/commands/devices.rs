//! `wembed devices`: the GPU adapters of this machine.

use clap::{Args, ValueEnum};
use pollster::block_on;
use serde_json::json;
use wembed_kernels::gpu::{DeviceInfo, GpuEngine, Options, devices};

use crate::destination::Destination;
use crate::table::table;

/// List the GPU adapters, the best first
///
/// `--device` takes part of a name. Without any adapter the exit code is 1.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A paragraph each
    Text,
    /// A JSON array
    Json,
}

/// Lists them.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let devices = block_on(devices());
    let answer = match arguments.format {
        Format::Text => devices.iter().map(paragraph).collect::<Vec<_>>().join("\n"),
        Format::Json => format!("{:#}\n", devices.iter().map(object).collect::<serde_json::Value>()),
    };
    Destination::standard_output().print(&answer)?;
    if devices.is_empty() {
        // The engine knows best what is missing.
        block_on(GpuEngine::open(Options::default()))?;
    }
    Ok(())
}

fn paragraph(device: &DeviceInfo) -> String {
    let software = if device.software { ", a program on the CPU" } else { "" };
    let rows = [
        ("backend", device.backend.clone()),
        ("kind", format!("{}{software}", device.kind)),
        ("driver", device.driver.clone()),
        ("features", device.features.join(", ")),
        ("largest binding", format!("{} MiB", device.largest_binding >> 20)),
    ];
    let rows = rows.map(|(name, value)| vec![format!("  {name}"), value]);
    format!("{}\n{}", device.name, table(&[], rows.into(), []))
}

fn object(device: &DeviceInfo) -> serde_json::Value {
    json!({
        "name": device.name,
        "backend": device.backend,
        "kind": device.kind,
        "driver": device.driver,
        "software": device.software,
        "features": device.features,
        "largest_binding": device.largest_binding,
    })
}
