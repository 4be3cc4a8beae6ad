//! `--device` and `--dtype`: the engine that a model runs on.

use pollster::block_on;
use wembed_kernels::Dtype;
use wembed_kernels::gpu::{Adapter, GpuEngine, Options};

use crate::report;

/// Which device is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// Hardware where there is some.
    Auto,
    /// The best GPU adapter, a software one included.
    Gpu,
    /// The first GPU adapter whose name contains this.
    Named(String),
}

/// Reads `--device`.
pub fn parse_device(name: &str) -> Result<Device, &'static str> {
    match name {
        "auto" => Ok(Device::Auto),
        "gpu" => Ok(Device::Gpu),
        "cpu" => {
            Err("the CPU engine is not built yet; expected auto, gpu or part of a name that `wembed devices` lists")
        }
        "" => Err("expected auto, gpu or part of a name that `wembed devices` lists"),
        name => Ok(Device::Named(name.to_owned())),
    }
}

/// Reads `--dtype`.
pub fn parse_dtype(name: &str) -> Result<Dtype, &'static str> {
    match name {
        "auto" | "f16" => Ok(Dtype::F16),
        "f32" => Ok(Dtype::F32),
        "bf16" | "int8" => Err("not built yet; expected auto, f16 or f32"),
        _ => Err("expected auto, f16 or f32"),
    }
}

impl Device {
    /// Opens it.
    pub fn open(&self, dtype: Dtype, kernel_times: bool) -> Result<GpuEngine, wembed_kernels::Error> {
        // The best adapter is a software one only where there is no other.
        let adapter = match self {
            Self::Auto | Self::Gpu => Adapter::Best,
            Self::Named(name) => Adapter::Named(name.clone()),
        };
        block_on(GpuEngine::open(Options { adapter, dtype, kernel_times, ..Options::default() }))
    }

    /// Says so where `engine` is a program on the CPU.
    pub fn warn_of_software(&self, engine: &GpuEngine) {
        let info = engine.info();
        if !info.software {
            return;
        }
        let why = match self {
            Self::Auto => ": no hardware adapter was found, and the CPU engine is not built yet",
            Self::Gpu => ": no hardware adapter was found",
            Self::Named(_) => "",
        };
        report::say(format_args!("`{}` is a program on the CPU and slow{why}", info.name));
    }
}
