//! Which adapter, with which limits and features.

use super::linear::Plan;
use crate::error::Kind;
use crate::{Dtype, Error};

/// Which adapter is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Adapter {
    /// The best there is: a discrete card, else an integrated one, else a software one.
    #[default]
    Best,
    /// One that computes in hardware.
    Hardware,
    /// The first whose name contains this, in either case.
    Named(String),
}

/// How a [`super::GpuEngine`] is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which adapter.
    pub adapter: Adapter,
    /// What weights are held in.
    pub dtype: Dtype,
    /// Use `SHADER_F16` where the device has it.
    pub shader_f16: bool,
    /// Stay within WebGPU's default limits, whatever the adapter offers.
    pub default_limits: bool,
    /// Time every kernel, where the device can.
    pub kernel_times: bool,
    /// Fill scratch memory with [`crate::SENTINEL`] before use and guard its end: finds elements that a kernel forgets and ones that are not its own.
    pub sentinels: bool,
    /// Which variants linear layers take, where they agree bit for bit.
    pub linear: Plan,
    /// Have [`GpuEngine::tune`](super::GpuEngine::tune) take matrices that a subgroup multiplies, where the device has them: activations are rounded to f16
    /// for them.
    pub matrices: bool,
    /// Multiply weights in int8 with integers: what they are multiplied with is rounded, too. By default on Vulkan in hardware, where every card of the last years
    /// has an instruction for it; Metal emulates it, and so does DirectX 12 by the compiler that comes with Windows.
    pub dots: Option<bool>,
    /// Have the device prove itself: see [`GpuEngine::open`](super::GpuEngine::open).
    pub proof: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            adapter: Adapter::Best,
            dtype: Dtype::F16,
            shader_f16: true,
            default_limits: false,
            kernel_times: false,
            sentinels: false,
            linear: Plan::default(),
            matrices: false,
            dots: None,
            proof: true,
        }
    }
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The adapter's name, as the driver gives it; a browser may give none.
    pub name: String,
    /// Vulkan, Metal, Dx12 or BrowserWebGpu.
    pub backend: String,
    /// DiscreteGpu, IntegratedGpu, VirtualGpu, Cpu or Other.
    pub kind: String,
    /// Driver name and version.
    pub driver: String,
    /// Whether it is a program on the CPU.
    pub software: bool,
    /// Its subgroups, where wembed makes use of them.
    pub subgroups: Option<Subgroups>,
    /// The matrices of f16 that its subgroups multiply and add to f32, where wembed makes use of them.
    pub matrices: Option<Matrices>,
    /// Whether it is taken to add up products of int8 by an instruction.
    pub has_dots: bool,
    /// The optional features that wembed makes use of and this adapter has.
    pub features: Vec<&'static str>,
    /// The largest storage binding, in bytes.
    pub largest_binding: u64,
}

/// Whether it is one of Apple's own GPUs.
fn is_apples(info: &wgpu::AdapterInfo) -> bool {
    info.backend == wgpu::Backend::Metal && info.name.contains("Apple")
}

/// Invocations that a device runs together: how many at least and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subgroups {
    /// At least.
    pub least: u32,
    /// At most.
    pub most: u32,
}

impl Subgroups {
    /// Those of an adapter.
    fn of(adapter: &wgpu::Adapter) -> Option<Self> {
        let info = adapter.get_info();
        // Metal says a range for all; Apple's own have 32.
        let (least, most) = if is_apples(&info) { (32, 32) } else { (info.subgroup_min_size, info.subgroup_max_size) };
        adapter.features().contains(wgpu::Features::SUBGROUP).then_some(Self { least, most })
    }
}

/// Matrices that a subgroup multiplies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrices {
    /// Their side: 8 or 16.
    pub side: u32,
    /// Invocations of a subgroup.
    pub subgroup: u32,
}

/// Bytes of workgroup memory that the tiles of matrices of this side take.
const fn workgroup_bytes(side: u32) -> u32 {
    if side == 16 { 42_000 } else { 12_288 }
}

impl Matrices {
    /// Those of an adapter. Drivers of other vendors are known to emulate them, or to crash when they are asked.
    fn of(adapter: &wgpu::Adapter) -> Option<Self> {
        const NVIDIA: u32 = 0x10de;
        let info = adapter.get_info();
        let is_known = is_apples(&info) || info.vendor == NVIDIA || info.device_type == wgpu::DeviceType::Cpu;
        let needed = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX | wgpu::Features::SHADER_F16;
        if !is_known || !adapter.features().contains(needed) {
            return None;
        }
        let (f16, f32) = (wgpu::CooperativeScalarType::F16, wgpu::CooperativeScalarType::F32);
        let has = |side: u32| {
            let sizes = adapter.cooperative_matrix_properties();
            sizes
                .iter()
                .any(|it| [it.m_size, it.n_size, it.k_size] == [side; 3] && it.ab_type == f16 && it.cr_type == f32)
        };
        let side = [16, 8].into_iter().find(|&side| has(side))?;
        if adapter.limits().max_compute_workgroup_storage_size < workgroup_bytes(side) {
            return None;
        }
        // A kernel is compiled for one number.
        let Subgroups { least, most } = Subgroups::of(adapter)?;
        (least == most).then_some(Self { side, subgroup: least })
    }
}

/// Whether products of int8 are taken to be added up by an instruction: no API that wgpu has says so. Browsers tell too little to know.
fn has_dots(info: &wgpu::AdapterInfo) -> bool {
    info.backend == wgpu::Backend::Vulkan && info.device_type != wgpu::DeviceType::Cpu
}

impl DeviceInfo {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let features = adapter.features();
        Self {
            has_dots: has_dots(&info),
            name: info.name,
            backend: format!("{:?}", info.backend),
            kind: format!("{:?}", info.device_type),
            driver: [info.driver, info.driver_info].join(" ").trim().to_owned(),
            software: info.device_type == wgpu::DeviceType::Cpu,
            features: OPTIONAL
                .iter()
                .filter(|(feature, _)| features.contains(*feature))
                .map(|&(_, name)| name)
                .collect(),
            subgroups: Subgroups::of(adapter),
            matrices: Matrices::of(adapter),
            largest_binding: adapter.limits().max_storage_buffer_binding_size,
        }
    }
}

/// Features that are asked for where the adapter has them and never needed.
const OPTIONAL: [(wgpu::Features, &str); 4] = [
    (wgpu::Features::SHADER_F16, "shader-f16"),
    (wgpu::Features::SUBGROUP, "subgroups"),
    (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
    (wgpu::Features::PIPELINE_CACHE, "pipeline-cache"),
];

/// Every adapter, the best first.
pub async fn devices() -> Vec<DeviceInfo> {
    adapters().await.iter().map(DeviceInfo::of).collect()
}

async fn adapters() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        // OpenGL is left out: it has no use beside these and its drivers are known to hang at exit.
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let mut adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

/// The adapter that `wanted` asks for and a device on it.
pub(super) async fn open(options: &Options) -> Result<(wgpu::Device, wgpu::Queue, DeviceInfo), Error> {
    let adapters = adapters().await;
    let is_wanted = |adapter: &&wgpu::Adapter| match &options.adapter {
        Adapter::Best => true,
        Adapter::Hardware => adapter.get_info().device_type != wgpu::DeviceType::Cpu,
        Adapter::Named(name) => adapter.get_info().name.to_lowercase().contains(&name.to_lowercase()),
    };
    let Some(adapter) = adapters.iter().find(is_wanted) else {
        return Err(none_of(&adapters, &options.adapter));
    };
    let info = DeviceInfo::of(adapter);
    let mut features = wgpu::Features::empty();
    for (feature, _) in OPTIONAL {
        features |= adapter.features() & feature;
    }
    #[allow(unsafe_code)]
    let experimental_features = if info.matrices.is_some() && options.matrices {
        features |= wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
        // SAFETY: wgpu says that what is experimental may have bugs that make it unsound. It is asked for only where somebody asked for matrices; the kernels that
        // use it were run on lavapipe's matrices of 8 x 8 and on an H100's of 16 x 16.
        unsafe { wgpu::ExperimentalFeatures::enabled() }
    } else {
        wgpu::ExperimentalFeatures::disabled()
    };
    let descriptor = wgpu::DeviceDescriptor {
        experimental_features,
        label: Some("wembed"),
        required_features: features,
        required_limits: if options.default_limits { wgpu::Limits::default() } else { adapter.limits() },
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|source| Kind::NoDevice { adapter: info.name.clone(), source })?;
    Ok((device, queue, info))
}

fn none_of(adapters: &[wgpu::Adapter], wanted: &Adapter) -> Error {
    let wanted = match wanted {
        Adapter::Best => "of any kind".to_owned(),
        Adapter::Hardware => "that computes in hardware".to_owned(),
        Adapter::Named(name) => format!("named `{name}`"),
    };
    let names: Vec<_> = adapters.iter().map(|adapter| format!("`{}`", adapter.get_info().name)).collect();
    let found = if names.is_empty() {
        "found none; a Vulkan, Metal or DirectX 12 driver is needed (on Debian without a GPU, mesa-vulkan-drivers is one)".to_owned()
    } else {
        format!("found {}", names.join(", "))
    };
    Kind::NoAdapter { wanted, found }.into()
}
