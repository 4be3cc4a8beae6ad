//! Layer norm.

use pollster::block_on;
use wembed_kernels::{Engine, Norm, Ops, Packed, Probe as _};
use wembed_tests::each_way;
use wembed_tests::judge::Judge;
use wembed_tests::oracle::layer_norm;
use wembed_tests::tolerance;
use wembed_tests::values::normals;

/// T, D, the mean and the standard deviation of the values, epsilon.
#[derive(Debug, Clone, Copy)]
pub struct Case(usize, usize, f32, f32, f32);

pub const CASES: &[Case] = &[
    Case(1, 1, 0.0, 1.0, 1e-5),
    Case(3, 12, 0.0, 1.0, 1e-12),
    Case(2, 60, 0.0, 1.0, 1e-5),
    Case(3, 63, 1.0, 1.0, 1e-5),
    Case(4, 64, 0.0, 1.0, 1e-5),
    Case(5, 65, 0.0, 3.0, 1e-5),
    Case(3, 96, 0.0, 1.0, 1e-5),
    Case(63, 128, 0.0, 1.0, 1e-5),
    Case(17, 384, 0.0, 1.0, 1e-12),
    Case(65, 768, -0.5, 1.0, 1e-5),
    Case(2, 3072, 0.0, 1.0, 1e-5),
    // A mean that dwarfs the deviation: a variance from the difference of squares would be noise.
    Case::LARGE_MEAN,
    Case(9, 65, -1000.0, 0.1, 1e-5),
    // A variance below epsilon, and far below it.
    Case::TINY_VARIANCE,
    Case(4, 384, 0.5, 1e-6, 1e-5),
    // As large as squares in f32 allow.
    Case(2, 768, 0.0, 1e15, 1e-5),
];

impl Case {
    pub const LARGE_MEAN: Self = Self(9, 768, 1000.0, 0.01, 1e-5);
    pub const TINY_VARIANCE: Self = Self(4, 768, 0.0, 1e-3, 1e-5);

    pub const fn width(self) -> usize {
        self.1
    }

    pub const fn epsilon(self) -> f32 {
        self.4
    }

    pub fn x(self) -> Vec<f32> {
        let Self(rows, width, mean, deviation, _) = self;
        normals(rows * width, deviation, 1).iter().map(|value| mean + value).collect()
    }

    /// Gain and bias.
    pub fn norm(self) -> [Vec<f32>; 2] {
        [normals(self.width(), 1.0, 2), normals(self.width(), 0.5, 3)]
    }
}

#[test]
fn every_case_holds() {
    let mut judge = Judge::new(tolerance::LAYER_NORM);
    each_way!(|way, engine| {
        for &case in CASES {
            let (x, [gain, bias]) = (case.x(), case.norm());
            let norm = Norm {
                gain: engine.vector("gain", &gain).unwrap(),
                bias: engine.vector("bias", &bias).unwrap(),
                epsilon: case.epsilon(),
            };
            let mut batch = engine.begin(&Packed::default());
            let uploaded = batch.upload(&x, case.width());
            let y = batch.layer_norm(&uploaded, &norm);
            let raw = block_on(batch.finish_raw(y)).unwrap();
            judge.hold(&format!("{way}, {case:?}"), &raw, &layer_norm(&x, &gain, &bias, case.epsilon()));
        }
    });
}
