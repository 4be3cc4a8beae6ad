//! Holds what an engine gave against what the oracle says: every element written, padding zero, guard untouched, errors
//! within the tolerance.

use wembed_kernels::{GUARD_BYTES, Raw, SENTINEL};

use crate::oracle::Expected;
use crate::tolerance::{ROUNDING, Tolerance};

/// Judges one operation's results by one tolerance, and tells at the end how near the worst came.
#[derive(Debug)]
pub struct Judge {
    tolerance: Tolerance,
    worst: f64,
    place: String,
}

impl Judge {
    /// A judge who saw nothing yet.
    pub const fn new(tolerance: Tolerance) -> Self {
        Self { tolerance, worst: 0.0, place: String::new() }
    }

    /// Holds the whole memory of an output.
    ///
    /// # Panics
    /// Where anything is not as it must be; `place` says where.
    pub fn hold(&mut self, place: &str, raw: &Raw, expected: &[Expected]) {
        let Raw { rows, columns, stride, .. } = *raw;
        let (values, guard) = raw.words.split_at(rows * stride);
        assert_eq!(guard.len() as u64 * 4, GUARD_BYTES, "{place}: the guard's size");
        assert!(guard.iter().all(|&word| word == SENTINEL), "{place}: written beyond the output's end");
        for (row, words) in values.chunks_exact(stride).enumerate() {
            for (column, &word) in words.iter().enumerate() {
                assert_ne!(word, SENTINEL, "{place}: row {row}, column {column} of {columns} was never written");
                let value = f32::from_bits(word);
                assert!(
                    column < columns || value == 0.0,
                    "{place}: {value} in the padding, row {row}, column {column}"
                );
            }
        }
        assert_eq!(expected.len(), rows * columns, "{place}: the oracle's shape");
        match compare(self.tolerance, &values_of(raw), expected) {
            Ok(roundings) if roundings <= self.worst => {}
            Ok(roundings) => (self.worst, self.place) = (roundings, place.to_owned()),
            Err(fault) => panic!("{place}: {fault}"),
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let Self { tolerance: Tolerance { operation, roundings, .. }, worst, place } = self;
        if place.is_empty() {
            return;
        }
        println!("{operation}: at worst {worst:.2} roundings of {roundings}, at {place}");
    }
}

/// Holds values alone; gives the largest error, in roundings.
///
/// # Errors
/// Where a value is not within the tolerance: the first one, and how far it is off.
pub fn compare(tolerance: Tolerance, values: &[f32], expected: &[Expected]) -> Result<f64, String> {
    let Tolerance { operation, roundings: allowed, .. } = tolerance;
    let mut worst = 0.0f64;
    for (index, (&value, &Expected { value: wanted, unit })) in values.iter().zip(expected).enumerate() {
        let error = (f64::from(value) - wanted).abs();
        let roundings = if error == 0.0 { 0.0 } else { error / (ROUNDING * unit) };
        // Not `roundings > allowed`: a NaN must fail.
        let within = roundings <= allowed;
        if !within {
            return Err(format!(
                "{operation}: element {index} is {value}, not {wanted}: {roundings:.1} roundings of {allowed}"
            ));
        }
        worst = worst.max(roundings);
    }
    Ok(worst)
}

/// The values of an output without its padding.
pub fn values_of(raw: &Raw) -> Vec<f32> {
    raw.words
        .chunks_exact(raw.stride)
        .take(raw.rows)
        .flat_map(|row| &row[..raw.columns])
        .map(|&word| f32::from_bits(word))
        .collect()
}
