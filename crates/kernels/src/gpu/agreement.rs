//! Whether variants of one operation give the same bits on this device. Order in the source proves nothing under a
//! driver's fast-math: a variant that differs is never chosen, so that a text's vector does not depend on its batch.

use super::GpuEngine;
use super::kernel::Storage;
use super::linear::{self, Epilogue, Variant};
use super::weights::Weights;
use crate::noise::{Noise, uneven};
use crate::probe::Probe as _;
use crate::{Activation, Engine, Error, Linear, Packed};

/// More than a tile of most variants, and not a whole one.
const ROWS: usize = 70;
const COLUMNS: usize = 192;
const DEPTH: usize = 192;

/// Those of `variants` that give what `reference` gives, under every epilogue that an encoder uses: see [`agree`].
pub async fn agreeing(
    engine: &GpuEngine,
    variants: &[&'static Variant],
    reference: &'static Variant,
) -> Result<Vec<&'static Variant>, Error> {
    if variants.iter().all(|&variant| variant == reference) {
        return Ok(variants.to_vec());
    }
    let weight: Weights = engine.matrix(Noise::uneven(COLUMNS, DEPTH, 1)).await?;
    let layer = Linear { weight, bias: engine.vector("probe", &uneven(COLUMNS, 2))? };
    let mut references = [(); 3].map(|()| References::new(engine.storage()));
    let mut take = |variant, found: Vec<Vec<u32>>| {
        let mut taken = references.iter_mut().zip(found).map(|(references, bits)| references.take(variant, bits));
        taken.all(|taken| taken)
    };
    take(reference, bits(engine, &layer, reference).await?);
    let mut agreeing = Vec::new();
    for &variant in variants {
        if variant == reference {
            agreeing.push(variant);
            continue;
        }
        // One that does not even run is as one that is wrong; a device that is lost is not its fault alone.
        match bits(engine, &layer, variant).await {
            Ok(bits) => agreeing.extend(take(variant, bits).then_some(variant)),
            Err(error) if error.is_device_lost() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(agreeing)
}

/// One variant's output for each order of addition, the first one's first: what later ones are held against.
pub struct References {
    outputs: Vec<(&'static Variant, Vec<u32>)>,
    /// How far those of another order may be, of the largest value.
    near: f32,
}

impl References {
    /// For weights that are held so.
    pub fn new(storage: Storage) -> Self {
        Self { outputs: Vec::new(), near: if storage == Storage::Int8 { NEAR_INT8 } else { NEAR } }
    }

    /// Whether an output is what those before it let expect; the first of its order is a reference from now on.
    pub fn take(&mut self, variant: &'static Variant, bits: Vec<u32>) -> bool {
        let of_order = self.outputs.iter().find(|(reference, _)| variant.adds_as(reference));
        if let Some((reference, expected)) = of_order {
            return self.agree(variant, &bits, reference, expected);
        }
        let first = self.outputs.first();
        let agrees = first.is_none_or(|(reference, expected)| self.agree(variant, &bits, reference, expected));
        if agrees {
            self.outputs.push((variant, bits));
        }
        agrees
    }

    /// Whether two variants' outputs for numbers that are exact in f16 are the same: to the bit where both add in one order, else within roundings.
    fn agree(&self, variant: &Variant, found: &[u32], reference: &Variant, expected: &[u32]) -> bool {
        if variant.adds_as(reference) {
            return found == expected;
        }
        let largest = expected.iter().map(|&bits| f32::from_bits(bits).abs()).fold(0.0, f32::max);
        // No number is near anything.
        let is_near = |(&found, &expected): (&u32, &u32)| {
            (f32::from_bits(found) - f32::from_bits(expected)).abs() <= self.near * largest
        };
        found.len() == expected.len() && found.iter().zip(expected).all(is_near)
    }
}

/// f32's roundings, of the largest value.
const NEAR: f32 = 2e-5;

/// Those of rotated rows to f16, or to int8.
const NEAR_INT8: f32 = 2e-2;

/// One variant for all layers, for as long as this is there.
pub struct Forced<'a>(&'a GpuEngine);

impl<'a> Forced<'a> {
    pub fn on(engine: &'a GpuEngine, variant: &'static Variant) -> Self {
        engine.context.forced.set(Some(variant));
        Self(engine)
    }
}

impl Drop for Forced<'_> {
    fn drop(&mut self) {
        self.0.context.forced.set(None);
    }
}

/// What a variant gives.
async fn bits(
    engine: &GpuEngine,
    layer: &Linear<GpuEngine>,
    variant: &'static Variant,
) -> Result<Vec<Vec<u32>>, Error> {
    let _forced = Forced::on(engine, variant);
    let mut bits = Vec::new();
    for epilogue in 0..3 {
        let mut batch = engine.begin(&Packed::default());
        let x = batch.upload(&uneven(ROWS * DEPTH, 3), DEPTH);
        let residual = batch.upload(&uneven(ROWS * COLUMNS, 4), COLUMNS);
        let epilogue = match epilogue {
            0 => Epilogue::Bias,
            1 => Epilogue::Activation(Activation::Gelu),
            _ => Epilogue::Add(&residual),
        };
        let output = linear::record(&mut batch, &x, layer, epilogue);
        let mut raw = batch.finish_raw(output).await?.words;
        raw.truncate(ROWS * COLUMNS);
        bits.push(raw);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::super::linear::VARIANTS;
    use super::References;
    use crate::gpu::Storage;

    #[test]
    fn one_order_is_held_to_the_bit_and_another_to_roundings() {
        let named = |name| *VARIANTS.iter().find(|variant| variant.name == name).expect("there is one");
        let bits = |values: [f32; 3]| values.map(f32::to_bits).to_vec();
        let mut references = References::new(Storage::F16);
        let expected = [1.0, -2.0, 0.5];
        assert!(references.take(named("tiled"), bits(expected)));
        assert!(references.take(named("wide"), bits(expected)));
        let last_place = f32::from_bits(1.0_f32.to_bits() + 1);
        assert!(!references.take(named("wide"), bits([last_place, -2.0, 0.5])), "another bit");
        assert!(!references.take(named("wide"), bits(expected)[..2].to_vec()), "fewer values");
        assert!(!references.take(named("matrix8"), bits([1.001, -2.0, 0.5])), "further than roundings");
        assert!(!references.take(named("matrix8"), bits([f32::NAN, -2.0, 0.5])), "no number");
        assert!(references.take(named("matrix8"), bits([last_place, -2.0, 0.5])), "another order");
        assert!(!references.take(named("matrix8_few"), bits(expected)), "its order's first is what counts");
        assert!(references.take(named("matrix8_few"), bits([last_place, -2.0, 0.5])));
    }
}
