//! Numbers to test with: the same in every run and on every machine.

use wembed_kernels::Packed;

/// A stream of numbers from a seed: SplitMix64 (Steele, Lea and Flood 2014, 10.1145/2660193.2660195, figure 16).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0 .. 1, never 0.
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Normal with mean 0 and variance 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f32 {
        let (radius, angle) = ((-2.0 * self.unit().ln()).sqrt(), std::f64::consts::TAU * self.unit());
        (radius * angle.cos()) as f32
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.bits() % choices.len() as u64) as usize]
    }
}

/// `count` normal values of standard deviation `scale`.
pub fn normals(count: usize, scale: f32, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..count).map(|_| scale * random.normal()).collect()
}

/// `count` values that numerics stumble over and f16 can hold or rounds to something finite: both zeros, the ends of f16,
/// its subnormals, values that differ in the last place, and values so small that f16 makes zeros of them.
pub fn nasty(count: usize, seed: u64) -> Vec<f32> {
    const SMALLEST_F16: f32 = 1.0 / (1 << 24) as f32;
    const LARGEST_SUBNORMAL_F16: f32 = 1023.0 * SMALLEST_F16;
    let choices = [
        0.0,
        -0.0,
        65504.0,
        -65504.0,
        SMALLEST_F16,
        -LARGEST_SUBNORMAL_F16,
        1.0,
        1.0 + 1.0 / 1024.0,
        -1.0 - f32::EPSILON,
        1e-20,
        0.1,
        -1000.5,
    ];
    let mut random = Random::new(seed);
    (0..count).map(|_| random.pick(&choices)).collect()
}

/// Texts of these lengths, every token the first row of its tables: for operations that only look at where texts begin.
pub fn texts(lengths: &[usize]) -> Packed {
    let mut packed = Packed::default();
    for &length in lengths {
        packed.push(vec![0; length], vec![0; length]);
    }
    packed
}
