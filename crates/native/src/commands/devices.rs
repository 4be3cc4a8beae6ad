//! `wembed devices`: what a model can run on.

use std::path::PathBuf;

use clap::Args;
use pollster::block_on;
use serde_json::json;
use wembed_kernels::Engine as _;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{Adapter, DeviceInfo, devices};

use super::device_report;
use crate::answer::Form;
use crate::destination::Destination;
use crate::table::table;

/// List the GPU adapters, the best first, and the processor
///
/// `--device` takes part of a GPU's name, or cpu; `--instructions` one of the processor's sets.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text", conflicts_with = "report")]
    format: Form,
    /// Measure a GPU, and write to this file what it computes and how fast: every kernel variant against the processor, the device's peaks, the
    /// shapes of known models
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// In ten seconds: of MiniLM's shape alone
    #[arg(long, requires = "report")]
    quick: bool,
    /// Of the GPU whose name contains this [default: the best]
    #[arg(long, value_name = "NAME", requires = "report")]
    device: Option<String>,
}

/// Lists them.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(path) = &arguments.report {
        let adapter = arguments.device.clone().map_or(Adapter::Best, Adapter::Named);
        return device_report::run(path, &adapter, arguments.quick);
    }
    let gpus = block_on(devices());
    let processor = CpuEngine::open(cpu::Options::default())?;
    let answer = match arguments.format {
        Form::Text => {
            let paragraphs = gpus.iter().map(gpu_paragraph).chain([cpu_paragraph(&processor)]);
            paragraphs.collect::<Vec<_>>().join("\n")
        }
        Form::Json => {
            let gpus: serde_json::Value = gpus.iter().map(gpu_object).collect();
            format!("{:#}\n", json!({ "gpu": gpus, "cpu": cpu_object(&processor) }))
        }
    };
    Destination::standard_output().print(&answer)
}

fn gpu_paragraph(device: &DeviceInfo) -> String {
    let software = if device.software { ", a program on the CPU" } else { "" };
    let rows = [
        ("backend", device.backend.clone()),
        ("kind", format!("{}{software}", device.kind)),
        ("driver", device.driver.clone()),
        ("features", device.features.join(", ")),
        ("largest binding", format!("{} MiB", device.largest_binding >> 20)),
    ];
    paragraph(&device.name, rows.into())
}

fn cpu_paragraph(processor: &CpuEngine) -> String {
    let rows = [
        ("instructions", cpu::instruction_sets().join(", ")),
        ("threads", processor.threads().to_string()),
        ("dtype auto", processor.dtype().name().to_owned()),
    ];
    paragraph("cpu", rows.into())
}

fn paragraph(name: &str, rows: Vec<(&str, String)>) -> String {
    let rows = rows.into_iter().map(|(name, value)| vec![format!("  {name}"), value]).collect();
    format!("{name}\n{}", table(&[], rows, []))
}

pub fn gpu_object(device: &DeviceInfo) -> serde_json::Value {
    json!({
        "name": device.name,
        "backend": device.backend,
        "kind": device.kind,
        "driver": device.driver,
        "subgroups": device.subgroups.map(|subgroups| json!({ "least": subgroups.least, "most": subgroups.most })),
        "matrices": device.matrices.map(|matrices| json!({ "side": matrices.side, "subgroup": matrices.subgroup })),
        "software": device.software,
        "features": device.features,
        "largest_binding": device.largest_binding,
    })
}

fn cpu_object(processor: &CpuEngine) -> serde_json::Value {
    json!({
        "instructions": cpu::instruction_sets(),
        "threads": processor.threads(),
        "dtype": processor.dtype().name(),
    })
}
