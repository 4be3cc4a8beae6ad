//! Which instructions a processor has, and which of them an engine uses.
//!
//! `avx512` is what Ice Lake and Zen 4 have in common, for that is what `fearless_simd` asks for under this name (VBMI, VNNI, BITALG
//! and more beside the foundation): a Skylake-SP, Cascade Lake or Cooper Lake computes by `avx2`.

use fearless_simd::Level;

use super::units::Unit;
use crate::Error;
use crate::error::Kind;

/// A set of instructions that wembed has kernels for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instructions {
    /// As people know it.
    pub name: &'static str,
    /// The vectors.
    pub level: Level,
    /// What multiplies bf16.
    pub bf16: Unit,
    /// What multiplies int8.
    pub int8: Unit,
}

/// Every set that this processor has and the system lets us use, the best first.
pub(super) fn available() -> Vec<Instructions> {
    let with_units = super::units::of_this_processor();
    let is_new = |set: &Instructions| with_units.iter().all(|other| other.name != set.name);
    let vectors: Vec<_> = levels().into_iter().map(plain).filter(is_new).collect();
    with_units.into_iter().chain(vectors).collect()
}

/// The best set, or the one of this name.
pub(super) fn choose(wanted: Option<&str>) -> Result<Instructions, Error> {
    let available = available();
    match wanted {
        None => Ok(available[0]),
        Some(wanted) => available.iter().copied().find(|set| set.name == wanted).ok_or_else(|| {
            let found = available.iter().map(|set| set.name).collect();
            Kind::NoInstructions { wanted: wanted.to_owned(), found }.into()
        }),
    }
}

/// Every level of vectors, the best first.
pub(super) fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    {
        let all = [
            best.as_avx512().map(Level::Avx512),
            best.as_avx2().map(Level::Avx2),
            best.as_sse4_2().map(Level::Sse4_2),
            best.as_sse2().map(Level::Sse2),
        ];
        all.into_iter().flatten().collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    vec![best]
}

const fn plain(level: Level) -> Instructions {
    let name = match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(_) => "avx512",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(_) => "avx2",
        #[cfg(target_arch = "x86_64")]
        Level::Sse4_2(_) => "sse4.2",
        #[cfg(target_arch = "x86_64")]
        Level::Sse2(_) => "sse2",
        #[cfg(target_arch = "aarch64")]
        Level::Neon(_) => "neon",
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Level::WasmSimd128(_) => "relaxed-simd",
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
        Level::WasmSimd128(_) => "simd128",
        _ => "scalar",
    };
    Instructions { name, level, bf16: Unit::Vectors, int8: Unit::Vectors }
}
