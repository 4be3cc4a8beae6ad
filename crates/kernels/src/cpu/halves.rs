//! f16 and bf16 to f32 and back, many at a time.

use fearless_simd::{kernel, prelude::*};

/// Half-precision numbers, finite ones, as f32. Exact.
#[inline(always)]
pub(super) fn widen_f16<S: Simd>(simd: S, halves: &[u16], values: &mut [f32]) {
    match simd.level() {
        #[cfg(target_arch = "x86_64")]
        fearless_simd::Level::Avx512(avx512) => widen_f16_avx512(avx512, halves, values),
        #[cfg(target_arch = "x86_64")]
        fearless_simd::Level::Avx2(avx2) => widen_f16_avx2(avx2, halves, values),
        _ => widen_f16_by_shifts(simd, halves, values),
    }
}

kernel!(
    fn widen_f16_avx512(avx512: Avx512, halves: &[u16], values: &mut [f32]) {
        let (halves, rest) = halves.as_chunks::<16>();
        let (values, rest_values) = values.as_chunks_mut::<16>();
        for (halves, values) in halves.iter().zip(values) {
            let halves = fearless_simd::u16x16::from_slice(avx512, halves);
            let wide: fearless_simd::f32x16<_> = std::arch::x86_64::_mm512_cvtph_ps(halves.into()).simd_into(avx512);
            wide.store_slice(values);
        }
        widen_one_by_one(rest, rest_values);
    }
);

kernel!(
    fn widen_f16_avx2(avx2: Avx2, halves: &[u16], values: &mut [f32]) {
        let (halves, rest) = halves.as_chunks::<8>();
        let (values, rest_values) = values.as_chunks_mut::<8>();
        for (halves, values) in halves.iter().zip(values) {
            let halves = fearless_simd::u16x8::from_slice(avx2, halves);
            let wide: fearless_simd::f32x8<_> = std::arch::x86_64::_mm256_cvtph_ps(halves.into()).simd_into(avx2);
            wide.store_slice(values);
        }
        widen_one_by_one(rest, rest_values);
    }
);

/// The exponent and mantissa, shifted to their places, stand for the number times 2^-112, subnormal or not.
#[inline(always)]
fn widen_f16_by_shifts<S: Simd>(simd: S, halves: &[u16], values: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let scale = S::f32s::splat(simd, f32::from_bits((127 + 112) << 23));
    let widen = |half: S::u32s| {
        let magnitude: S::f32s = ((half & 0x7fff) << 13).bitcast();
        let sign = (half & 0x8000) << 16;
        let bits = (magnitude * scale).bitcast::<S::u32s>() | sign;
        bits.bitcast::<S::f32s>()
    };
    let whole = halves.len() / (2 * lanes) * 2 * lanes;
    let (halves, rest) = halves.split_at(whole);
    let (values, rest_values) = values.split_at_mut(whole);
    for (halves, values) in halves.chunks_exact(2 * lanes).zip(values.chunks_exact_mut(2 * lanes)) {
        let (low, high) = S::u16s::from_slice(simd, halves).widen();
        widen(low).store_slice(&mut values[..lanes]);
        widen(high).store_slice(&mut values[lanes..]);
    }
    widen_one_by_one(rest, rest_values);
}

fn widen_one_by_one(halves: &[u16], values: &mut [f32]) {
    for (&half, value) in halves.iter().zip(values) {
        *value = half::f16::from_bits(half).to_f32();
    }
}

/// The nearest bf16 of each value, to even where two are as near, in the upper half of an f32. What is infinite or NaN stays so.
#[inline(always)]
pub(super) fn round_to_bf16<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    let bits: S::u32s = value.bitcast();
    let odd = (bits >> 16) & 1;
    let rounded = (bits + odd + S::u32s::splat(simd, 0x7fff)) & 0xffff_0000;
    value.is_finite().select(rounded.bitcast::<S::f32s>(), value)
}

#[cfg(test)]
mod tests {
    use fearless_simd::dispatch;

    use super::*;
    use crate::cpu::instructions::levels;

    #[test]
    fn every_finite_f16_is_widened_exactly() {
        let halves: Vec<u16> = (0..=u16::MAX).filter(|&bits| half::f16::from_bits(bits).is_finite()).collect();
        for level in levels() {
            // An odd length, so that a rest is left.
            for halves in [&halves[..], &halves[1..]] {
                let mut values = vec![f32::NAN; halves.len()];
                dispatch!(level, simd => widen_f16(simd, halves, &mut values));
                for (&half, value) in halves.iter().zip(values) {
                    assert_eq!(value.to_bits(), half::f16::from_bits(half).to_f32().to_bits(), "{half:#06x} {level:?}");
                }
            }
        }
    }

    #[test]
    fn bf16_is_the_nearest() {
        let bits = (0..0xffff_u32).map(|high| (high << 16) | (high.wrapping_mul(40503) & 0xffff));
        let ties = [0x3f80_8000, 0x3f81_8000, 0x7f7f_ffff, 0x0000_8000, 0x8000_0001, 0x7f80_0000, 0xffc0_0000];
        let mut values: Vec<f32> = bits.chain(ties).map(f32::from_bits).collect();
        values.resize(values.len().next_multiple_of(16), 1.0);
        for level in levels() {
            let mut rounded = values.clone();
            dispatch!(level, simd => round_all(simd, &mut rounded));
            for (&value, rounded) in values.iter().zip(rounded) {
                let expected = half::bf16::from_f32(value).to_f32();
                let same = rounded.to_bits() == expected.to_bits() || (rounded.is_nan() && expected.is_nan());
                assert!(same, "{value:e} became {rounded:e}, not {expected:e}, {level:?}");
            }
        }
    }

    #[inline(always)]
    fn round_all<S: Simd>(simd: S, values: &mut [f32]) {
        for values in values.chunks_exact_mut(S::f32s::LEN) {
            round_to_bf16(simd, S::f32s::from_slice(simd, values)).store_slice(values);
        }
    }
}
