//! The GPU that tests run on.

use pollster::block_on;
use wembed_kernels::Dtype;
use wembed_kernels::gpu::{Adapter, GpuEngine, Options};

use crate::skip::skip;

/// A way of opening the engine that has other kernels or other limits than the rest.
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

/// Scratch filled with sentinels, on the adapter that `WEMBED_TEST_ADAPTER` names, else on the best.
pub fn options() -> Options {
    let adapter = std::env::var("WEMBED_TEST_ADAPTER").map_or(Adapter::Best, Adapter::Named);
    Options { adapter, sentinels: true, ..Options::default() }
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

/// Runs `test` on the engine opened in every way.
pub fn each_way(mut test: impl FnMut(&str, &GpuEngine)) {
    for way in WAYS {
        let Some(engine) = open(way.options()) else { return };
        test(way.name, &engine);
    }
}
