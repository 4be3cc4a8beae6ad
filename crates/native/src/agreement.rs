//! How the vectors of two models, or of one on two devices, are held against each other.

use wembed_kernels::Dtype;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_model::{AnyEmbedder, AnyEngine, EmbedOptions, Files, LoadOptions};

/// Texts of several scripts and lengths, for what needs no published values.
pub const TEXTS: [&str; 8] = [
    "hello world",
    "",
    "The lighthouse keeper wrote down the weather every morning, and nobody ever read it.",
    "Der Leuchtturmwärter schrieb jeden Morgen das Wetter auf, und niemand las es.",
    "Смотритель маяка каждое утро записывал погоду.",
    "火车九点开走了,我们还在车站。",
    "a",
    "1, 2, 3; 4 -- 5... (six) [seven]",
];

/// 1 - cosine, as half the squared distance of the unit vectors, which does not cancel; NaN where the widths differ.
pub fn angle(vector: &[f32], reference: &[f64]) -> f64 {
    if vector.len() != reference.len() {
        return f64::NAN;
    }
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let found = length(&mut vector.iter().copied().map(f64::from));
    let expected = length(&mut reference.iter().copied());
    let difference = |(&value, reference): (&f32, &f64)| (f64::from(value) / found - reference / expected).powi(2);
    0.5 * vector.iter().zip(reference).map(difference).sum::<f64>()
}

/// The vectors that a model gives of [`TEXTS`] on the processor; a text without one is left out.
pub async fn vectors(files: impl Files, dtype: Dtype) -> anyhow::Result<Vec<Option<Vec<f32>>>> {
    let options = cpu::Options { dtype: Some(dtype), ..cpu::Options::default() };
    let engine = AnyEngine::Cpu(CpuEngine::open(options)?);
    let mut model = AnyEmbedder::load(engine, files, LoadOptions::default()).await?;
    let found = model.embed(&TEXTS, &EmbedOptions::default()).await?;
    Ok(found.into_iter().map(|text| text.ok().map(|text| text.vector)).collect())
}

/// 1 - cosine, or the largest there is where only one of them is there.
pub fn distance(one: &Option<Vec<f32>>, other: &Option<Vec<f32>>) -> f64 {
    match (one, other) {
        (Some(one), Some(other)) => angle(one, &other.iter().copied().map(f64::from).collect::<Vec<_>>()),
        (None, None) => 0.0,
        _ => 2.0,
    }
}
