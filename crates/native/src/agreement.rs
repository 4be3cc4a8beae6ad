//! How the vectors of two models, or of one on two devices, are held against each other.

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
