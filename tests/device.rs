//! The engines that tests run on: a GPU, or a visible word that there is none, and the processor.

use std::io::Write as _;
use std::num::NonZeroUsize;

use pollster::block_on;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{Adapter, GpuEngine, Options};
use wembed_kernels::{Dtype, Engine, Probe};

use crate::golden::is_slow;
use crate::skip::skip;

/// An engine whose single operations can be tested.
pub trait TestEngine: Engine<Batch: Probe<Self>> {
    /// What it holds weights in.
    fn held(&self) -> Dtype;
}

impl TestEngine for GpuEngine {
    fn held(&self) -> Dtype {
        self.storage().dtype()
    }
}

impl TestEngine for CpuEngine {
    fn held(&self) -> Dtype {
        self.dtype()
    }
}

/// A way of opening the GPU engine that has other kernels or other limits than the rest.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// As failures name it.
    pub name: &'static str,
    dtype: Dtype,
    shader_f16: bool,
    default_limits: bool,
}

/// Every way.
pub const WAYS: [Way; 4] = [
    Way { name: "f16", dtype: Dtype::F16, shader_f16: true, default_limits: false },
    Way { name: "f16 packed", dtype: Dtype::F16, shader_f16: false, default_limits: false },
    Way { name: "f32", dtype: Dtype::F32, shader_f16: true, default_limits: false },
    // What a browser without `shader-f16` gives.
    Way { name: "f16 packed, default limits", dtype: Dtype::F16, shader_f16: false, default_limits: true },
];

impl Way {
    /// The options that open it.
    pub fn options(self) -> Options {
        Options { dtype: self.dtype, shader_f16: self.shader_f16, default_limits: self.default_limits, ..options() }
    }
}

/// A way of opening the CPU engine.
#[derive(Debug, Clone)]
pub struct CpuWay {
    /// As failures name it.
    pub name: String,
    /// The options that open it, with sentinels.
    pub options: cpu::Options,
}

/// Every instruction set of this processor, weights held in each type that has kernels of its own there.
pub fn cpu_ways() -> Vec<CpuWay> {
    let sets = native_sets();
    let mut ways = Vec::new();
    for &set in &sets {
        ways.extend(dtypes(set).iter().map(|&dtype| cpu_way(set, dtype, 2)));
    }
    // Other numbers of threads have a test of their own, too.
    if !is_slow() {
        let last = sets.last().expect("every processor has some instructions");
        ways.extend([cpu_way(last, Dtype::F32, 1), cpu_way(last, Dtype::F32, 5)]);
    }
    ways
}

/// The same, and AMX where the processor has none but vectors as wide: acted out, so for small tests.
pub fn cpu_ways_and_amx() -> Vec<CpuWay> {
    let mut ways = cpu_ways();
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        crate::amx::install();
        if crate::amx::is_acted_out() {
            ways.extend(dtypes("amx").iter().map(|&dtype| cpu_way("amx", dtype, 2)));
        }
    }
    ways
}

/// The best instructions alone, f32's vectors by each unit that gives them.
pub fn best_cpu_ways() -> Vec<CpuWay> {
    let best = native_sets()[0];
    let all = [Dtype::F32, Dtype::Bf16x3].map(|dtype| cpu_way(best, dtype, 2));
    all.into_iter().filter(|way| CpuEngine::open(way.options.clone()).is_ok()).collect()
}

/// What the processor itself has.
fn native_sets() -> Vec<&'static str> {
    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), expect(unused_mut, reason = "for AMX"))]
    let mut sets = cpu::instruction_sets();
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    sets.retain(|&set| set != "amx" || !crate::amx::is_acted_out());
    sets
}

/// The types that have kernels of their own.
fn dtypes(set: &str) -> &'static [Dtype] {
    match set {
        "amx" => &[Dtype::Bf16, Dtype::Bf16x3, Dtype::Int8],
        "avx512-bf16" => &[Dtype::Bf16, Dtype::Bf16x3],
        "avx-vnni" | "i8mm" | "dotprod" => &[Dtype::Int8],
        _ => &[Dtype::F32, Dtype::F16, Dtype::Bf16, Dtype::Int8],
    }
}

fn cpu_way(set: &str, dtype: Dtype, threads: usize) -> CpuWay {
    let options = cpu::Options {
        dtype: Some(dtype),
        threads: NonZeroUsize::new(threads),
        instructions: Some(set.to_owned()),
        sentinels: true,
        ..cpu::Options::default()
    };
    CpuWay { name: format!("{} by {set} in {threads} threads", dtype.name()), options }
}

impl CpuWay {
    /// Opens it for whole models: scratch is used again, as in earnest.
    ///
    /// # Panics
    /// As [`CpuWay::open`].
    pub fn open_for_models(&self) -> CpuEngine {
        Self { options: cpu::Options { sentinels: false, ..self.options.clone() }, ..self.clone() }.open()
    }

    /// Opens it.
    ///
    /// # Panics
    /// Where it does not open: every processor has its own ways.
    pub fn open(&self) -> CpuEngine {
        CpuEngine::open(self.options.clone()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// Scratch filled with sentinels, on the adapter that `WEMBED_TEST_ADAPTER` names, else on the best.
pub fn options() -> Options {
    let adapter = std::env::var("WEMBED_TEST_ADAPTER").map_or(Adapter::Best, Adapter::Named);
    // What the proof is for, tests show in earnest, kernel by kernel.
    Options { adapter, sentinels: true, proof: false, ..Options::default() }
}

/// The engine, or nothing and a visible word where there is no adapter.
///
/// # Panics
/// Where the engine fails for any other reason, where `WEMBED_TEST_ADAPTER` names an adapter that is not there, and where
/// `WEMBED_REQUIRE` is set and there is no adapter.
pub fn open(options: Options) -> Option<GpuEngine> {
    match block_on(GpuEngine::open(options)) {
        Ok(engine) => Some(engine),
        // One that was asked for by name is not optional.
        Err(error) if error.is_no_adapter() && std::env::var_os("WEMBED_TEST_ADAPTER").is_none() => {
            skip(&error.to_string());
            None
        }
        Err(error) => panic!("the engine does not open: {error}"),
    }
}

/// Runs a test on each engine, opened in every way: `each_way!(|name, engine| ...)`. The test is compiled once for each engine.
#[macro_export]
macro_rules! each_way {
    (|$way:pat_param, $engine:ident| $test:expr) => {
        for way in $crate::device::cpu_ways_and_amx() {
            let engine = way.open();
            let ($way, $engine) = (way.name.as_str(), &engine);
            $test
        }
        for way in $crate::device::WAYS {
            let Some(engine) = $crate::device::open(way.options()) else { break };
            let ($way, $engine) = (way.name, &engine);
            $test
        }
    };
}

/// Runs a test of whole models on each engine: `each_engine!(|name, open| ...)`, where `open` opens one, as often as it is called.
#[macro_export]
macro_rules! each_engine {
    (|$name:pat_param, $open:ident| $test:expr) => {
        $crate::each_engine!($crate::device::best_cpu_ways(), [$crate::embedding::options()], |$name, $open| $test)
    };
    ($cpu:expr, $gpu:expr, |$name:pat_param, $open:ident| $test:expr) => {
        for way in $cpu {
            let ($name, $open) = (way.name.as_str(), || way.open_for_models());
            $test
        }
        for options in $gpu {
            if $crate::device::open(options.clone()).is_none() {
                break;
            }
            let name = format!("{:?} on a GPU", options.dtype);
            let ($name, $open) = (name.as_str(), || $crate::device::open(options.clone()).expect("it opened before"));
            $test
        }
    };
}

/// Says that a device lacks what not every one has; panics where `WEMBED_REQUIRE` names it.
///
/// # Panics
/// Where that environment variable is `what`.
pub fn lacks(what: &str, device: &str) {
    let required = std::env::var_os("WEMBED_REQUIRE").is_some_and(|value| value == what);
    assert!(!required, "WEMBED_REQUIRE is {what}, but `{device}` has none");
    writeln!(std::io::stderr(), "skipped: `{device}` has no {what}").expect("stderr takes a line");
}
