//! `--device`, `--dtype`, `--threads` and `--instructions`: the engine that a model runs on.

use std::ffi::OsString;
use std::num::NonZeroUsize;

use anyhow::{bail, ensure};
use clap::Args;
use pollster::block_on;
use wembed_kernels::Dtype;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{self, Adapter, GpuEngine};
use wembed_model::AnyEngine;

use crate::model::parse_count;
use crate::report;

/// Which device is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// A GPU in hardware where there is one, else the processor.
    Auto,
    /// The best GPU adapter, a software one included.
    Gpu,
    /// The processor, by wembed's own engine.
    Cpu,
    /// The first GPU adapter whose name contains this.
    Named(String),
}

/// What a model runs on, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Device")]
pub struct DeviceArguments {
    /// auto: a GPU in hardware, else cpu; gpu: the best adapter; cpu; or part of a name that `wembed devices` lists
    #[arg(long, value_name = "auto|gpu|cpu|NAME", default_value = "auto", value_parser = parse_device)]
    device: Device,
    /// What weights are held in: auto is f16 on a GPU, on the CPU the faster of f32 and bf16x3, which gives f32's vectors; with bf16 or
    /// bf16x3 `--device auto` is the CPU
    #[arg(long, value_name = "auto|f16|f32|bf16|bf16x3|int8", default_value = "auto", value_parser = parse_dtype)]
    dtype: ChosenDtype,
    /// Threads of the CPU engine, which `--device auto` is then [default: as many as the processor runs at a time]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    threads: Option<NonZeroUsize>,
    /// Instructions of the CPU engine, which `--device auto` is then, of those that `wembed devices` lists, so that different machines
    /// give the same bits [default: the best]
    #[arg(long, value_name = "NAME")]
    instructions: Option<String>,
    /// Multiply matrices of f16 where a GPU's subgroups can, which is faster: activations are rounded to f16 for them.
    #[arg(long)]
    matrices: bool,
    /// Say at the end how long each GPU kernel ran
    #[arg(long)]
    pub kernel_times: bool,
}

/// A type, or the device's own choice.
#[derive(Debug, Clone, Copy)]
struct ChosenDtype(Option<Dtype>);

fn parse_device(name: &str) -> Result<Device, &'static str> {
    match name {
        "auto" => Ok(Device::Auto),
        "gpu" => Ok(Device::Gpu),
        "cpu" => Ok(Device::Cpu),
        "" => Err("expected auto, gpu, cpu or part of a name that `wembed devices` lists"),
        name => Ok(Device::Named(name.to_owned())),
    }
}

fn parse_dtype(name: &str) -> Result<ChosenDtype, &'static str> {
    match name {
        "auto" => Ok(ChosenDtype(None)),
        "f16" => Ok(ChosenDtype(Some(Dtype::F16))),
        "f32" => Ok(ChosenDtype(Some(Dtype::F32))),
        "bf16" => Ok(ChosenDtype(Some(Dtype::Bf16))),
        "bf16x3" => Ok(ChosenDtype(Some(Dtype::Bf16x3))),
        "int8" => Ok(ChosenDtype(Some(Dtype::Int8))),
        _ => Err("expected auto, f16, f32, bf16, bf16x3 or int8"),
    }
}

impl DeviceArguments {
    /// The flags that say the same.
    pub fn flags(&self) -> Vec<OsString> {
        let device = match &self.device {
            Device::Auto => "auto",
            Device::Gpu => "gpu",
            Device::Cpu => "cpu",
            Device::Named(name) => name,
        };
        let mut flags = vec!["--device".to_owned(), device.to_owned()];
        if let Some(dtype) = self.dtype.0 {
            flags.extend(["--dtype".to_owned(), dtype.name().to_owned()]);
        }
        if let Some(threads) = self.threads {
            flags.extend(["--threads".to_owned(), threads.to_string()]);
        }
        if let Some(instructions) = &self.instructions {
            flags.extend(["--instructions".to_owned(), instructions.clone()]);
        }
        flags.extend(self.matrices.then(|| "--matrices".to_owned()));
        flags.into_iter().map(OsString::from).collect()
    }

    /// Opens the engine.
    pub fn open(&self) -> anyhow::Result<AnyEngine> {
        let adapter = match &self.device {
            Device::Cpu => return self.cpu(),
            Device::Auto => Adapter::Hardware,
            Device::Gpu => Adapter::Best,
            Device::Named(name) => Adapter::Named(name.clone()),
        };
        // What only the CPU engine can do is not asked of a GPU that happens to be there.
        if self.device == Device::Auto && self.wants_cpu() {
            return self.cpu();
        }
        let dtype = self.dtype.0.unwrap_or(Dtype::F16);
        let options = gpu::Options {
            adapter,
            dtype,
            kernel_times: self.kernel_times,
            matrices: self.matrices,
            ..gpu::Options::default()
        };
        match block_on(GpuEngine::open(options)) {
            Err(error) if error.is_no_adapter() && self.device == Device::Auto => self.cpu(),
            Err(error) if error.is_wrong_device() && self.device == Device::Auto => {
                report::say(format_args!("{error}; the processor is taken instead"));
                self.cpu()
            }
            Err(error) => Err(error.into()),
            Ok(_) if self.wants_cpu() => bail!(
                "--threads and --instructions are the CPU engine's; this is a GPU: say --device cpu, or leave them out"
            ),
            Ok(engine) if self.matrices && !engine.variants().iter().any(|name| name.starts_with("matrix")) => bail!(
                "--matrices: expected a GPU whose subgroups multiply matrices of f16, and --dtype f16 or int8; found `{}`, {}",
                engine.info().name,
                dtype.name()
            ),
            Ok(engine) => {
                warn_of_software(&engine, &self.device);
                Ok(AnyEngine::Gpu(engine))
            }
        }
    }

    /// Whether something was said that only the CPU engine understands.
    fn wants_cpu(&self) -> bool {
        self.threads.is_some()
            || self.instructions.is_some()
            || matches!(self.dtype.0, Some(Dtype::Bf16 | Dtype::Bf16x3))
    }

    fn cpu(&self) -> anyhow::Result<AnyEngine> {
        ensure!(
            !self.matrices,
            "--matrices is for a GPU, and this is the processor: say --device gpu, or leave it out"
        );
        let options = cpu::Options {
            dtype: self.dtype.0,
            threads: self.threads,
            instructions: self.instructions.clone(),
            ..cpu::Options::default()
        };
        Ok(AnyEngine::Cpu(CpuEngine::open(options)?))
    }
}

/// Says so where `engine` is a program on the CPU.
fn warn_of_software(engine: &GpuEngine, wanted: &Device) {
    let info = engine.info();
    if info.software {
        let why = if *wanted == Device::Gpu { ": no hardware adapter was found" } else { "" };
        report::say(format_args!(
            "`{}` is a program on the CPU and slow{why}; `--device cpu` is the fast way",
            info.name
        ));
    }
}
