//! Vectors in fewer bits, as sentence-transformers' `quantize_embeddings` gives them.
//!
//! ```
//! use wembed_model::{Quantized, Quantizer, Ranges};
//!
//! let vector = vec![0.5, -0.25, 0.0];
//! assert_eq!(Quantizer::Ubinary.quantize(vector.clone()), Quantized::Uint8(vec![0b1000_0000]));
//!
//! let mut ranges = Ranges::new(3);
//! ranges.include(&[-127.5; 3]);
//! ranges.include(&[127.5; 3]);
//! assert_eq!(Quantizer::Int8(ranges).quantize(vector), Quantized::Int8(vec![0, -1, -1]));
//! ```

/// What a vector's values are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// As computed.
    #[default]
    Float32,
    /// 256 steps between the least and the largest value that each dimension is known to have.
    Int8,
    /// A bit a value, eight to a byte, the byte less 128.
    Binary,
    /// A bit a value, eight to a byte.
    Ubinary,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 4] = [Self::Float32, Self::Int8, Self::Binary, Self::Ubinary];

    /// Its name, as sentence-transformers writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Int8 => "int8",
            Self::Binary => "binary",
            Self::Ubinary => "ubinary",
        }
    }

    /// Numbers that a vector of `dimensions` becomes: as many, or an eighth, rounded up.
    pub fn columns(self, dimensions: usize) -> usize {
        match self {
            Self::Float32 | Self::Int8 => dimensions,
            Self::Binary | Self::Ubinary => dimensions.div_ceil(8),
        }
    }
}

/// The least and the largest value of each dimension, among the vectors that were shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges {
    minima: Vec<f32>,
    maxima: Vec<f32>,
    vectors: u64,
}

impl Ranges {
    /// Of vectors of `dimensions`, none of which was shown yet.
    pub fn new(dimensions: usize) -> Self {
        Self { minima: vec![f32::INFINITY; dimensions], maxima: vec![f32::NEG_INFINITY; dimensions], vectors: 0 }
    }

    /// Shows a vector; values beyond the dimensions do not count.
    pub fn include(&mut self, vector: &[f32]) {
        self.vectors += 1;
        for ((minimum, maximum), &value) in self.minima.iter_mut().zip(&mut self.maxima).zip(vector) {
            *minimum = minimum.min(value);
            *maximum = maximum.max(value);
        }
    }

    /// How many vectors were shown.
    pub fn vectors(&self) -> u64 {
        self.vectors
    }

    /// How many dimensions they have.
    pub fn dimensions(&self) -> usize {
        self.minima.len()
    }

    /// `clip(floor((v - min) / step), 0, 255) - 128` with `step = (max - min) / 255`, in f32 as NumPy computes it.
    ///
    /// A value outside of its range becomes the range's end. A dimension that always has the same value has a step of 1,
    /// and so becomes -128.
    fn quantize(&self, vector: &[f32]) -> Vec<i8> {
        let ranges = self.minima.iter().zip(&self.maxima);
        let code = |(&value, (&minimum, &maximum)): (&f32, (&f32, &f32))| {
            let step = (maximum - minimum) / 255.0;
            let step = if step == 0.0 { 1.0 } else { step };
            let code = ((value - minimum) / step).floor().clamp(0.0, 255.0);
            (code - 128.0) as i8
        };
        vector.iter().zip(ranges).map(code).collect()
    }
}

/// A precision with what it needs to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantizer {
    /// [`Precision::Float32`].
    Float32,
    /// [`Precision::Int8`], in these ranges.
    Int8(Ranges),
    /// [`Precision::Binary`].
    Binary,
    /// [`Precision::Ubinary`].
    Ubinary,
}

/// A vector's numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantized {
    /// Of [`Precision::Float32`].
    Float32(Vec<f32>),
    /// Of [`Precision::Int8`] and [`Precision::Binary`].
    Int8(Vec<i8>),
    /// Of [`Precision::Ubinary`].
    Uint8(Vec<u8>),
}

impl Quantizer {
    /// The vector's numbers, [`Precision::columns`] of them.
    ///
    /// A bit is `v > 0`, the first value's the highest of its byte; a last byte that is not full ends in zeros.
    pub fn quantize(&self, vector: Vec<f32>) -> Quantized {
        match self {
            Self::Float32 => Quantized::Float32(vector),
            Self::Int8(ranges) => Quantized::Int8(ranges.quantize(&vector)),
            // A byte less 128 is the byte with its highest bit turned, read as signed.
            Self::Binary => Quantized::Int8(pack_bits(&vector).map(|byte| (byte ^ 0x80) as i8).collect()),
            Self::Ubinary => Quantized::Uint8(pack_bits(&vector).collect()),
        }
    }
}

fn pack_bits(vector: &[f32]) -> impl Iterator<Item = u8> {
    let pack = |eight: &[f32]| {
        let bits = eight.iter().enumerate().map(|(place, &value)| u8::from(value > 0.0) << (7 - place));
        bits.fold(0, |byte, bit| byte | bit)
    };
    vector.chunks(8).map(pack)
}

#[cfg(test)]
mod tests {
    use super::{Precision, Quantized, Quantizer, Ranges};

    /// Both zeros, values near them, a dimension that never changes, and a last byte that is not full.
    const VECTORS: [[f32; 10]; 3] = [
        [0.1, -0.2, 0.3, -0.4, 0.5, 0.0, -0.0, 0.25, 1.0, -1.0],
        [-0.5, 0.25, 0.125, 0.7, -0.3, 1e-8, -1e-8, 0.25, 0.5, 0.75],
        [0.33, 0.66, -0.99, 0.05, 0.2, 0.9, -0.6, 0.25, -0.125, 0.3],
    ];

    // What sentence-transformers 6.2.0 with NumPy 2.4.6 gives of them: `quantize_embeddings(VECTORS, precision)`, and for
    // CALIBRATED with `calibration_embeddings=[[-0.25] * 10, [0.25] * 10]`.
    const INT8: [[i8; 10]; 3] = [
        [56, -128, 127, -128, 127, -128, 127, -128, 126, -128],
        [-128, 5, 92, 127, -128, -128, 127, -128, 13, 127],
        [127, 127, -128, -24, 31, 127, -128, -128, -128, 61],
    ];
    const CALIBRATED: [[i8; 10]; 3] = [
        [50, -103, 127, -128, 127, -1, -1, 126, 127, -128],
        [-128, 126, 63, 127, -128, -1, -1, 126, 127, 127],
        [127, 127, -128, 25, 101, 127, -128, 126, -65, 127],
    ];
    const BINARY: [[i8; 2]; 3] = [[41, 0], [-11, 64], [93, -64]];
    const UBINARY: [[u8; 2]; 3] = [[169, 128], [117, 192], [221, 64]];

    fn ranges<'a>(vectors: impl IntoIterator<Item = &'a [f32; 10]>) -> Ranges {
        let mut ranges = Ranges::new(10);
        vectors.into_iter().for_each(|vector| ranges.include(vector));
        ranges
    }

    #[test]
    fn as_sentence_transformers_quantizes() {
        let own = Quantizer::Int8(ranges(&VECTORS));
        let calibrated = Quantizer::Int8(ranges(&[[-0.25; 10], [0.25; 10]]));
        for (row, vector) in VECTORS.iter().enumerate() {
            let of = |quantizer: &Quantizer| quantizer.quantize(vector.to_vec());
            assert_eq!(of(&own), Quantized::Int8(INT8[row].to_vec()));
            assert_eq!(of(&calibrated), Quantized::Int8(CALIBRATED[row].to_vec()));
            assert_eq!(of(&Quantizer::Binary), Quantized::Int8(BINARY[row].to_vec()));
            assert_eq!(of(&Quantizer::Ubinary), Quantized::Uint8(UBINARY[row].to_vec()));
            assert_eq!(of(&Quantizer::Float32), Quantized::Float32(vector.to_vec()));
        }
    }

    #[test]
    fn as_many_numbers_as_it_says() {
        for dimensions in [1, 7, 8, 9, 40] {
            let numbers = |quantizer: Quantizer| match quantizer.quantize(vec![1.0; dimensions]) {
                Quantized::Float32(values) => values.len(),
                Quantized::Int8(values) => values.len(),
                Quantized::Uint8(values) => values.len(),
            };
            let quantizers =
                [Quantizer::Float32, Quantizer::Int8(Ranges::new(dimensions)), Quantizer::Binary, Quantizer::Ubinary];
            for (precision, quantizer) in Precision::ALL.into_iter().zip(quantizers) {
                assert_eq!(numbers(quantizer), precision.columns(dimensions), "{}", precision.name());
            }
        }
    }
}
