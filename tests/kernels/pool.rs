//! Pooling: every mode, alone and side by side.

use pollster::block_on;
use wembed_kernels::{Engine, Ops, Pooling, Probe as _};
use wembed_tests::each_way;
use wembed_tests::judge::Judge;
use wembed_tests::oracle;
use wembed_tests::tolerance;
use wembed_tests::values::{normals, texts};

/// Lengths straddle the parts of 32 in which sums run.
pub const LENGTHS: &[usize] = &[1, 2, 3, 31, 32, 33, 64, 65, 127, 300, 1];

/// D and the mean of the values; each with another number of tokens left out.
const CASES: &[(usize, f32)] =
    &[(1, 0.0), (12, 0.0), (60, 0.0), (63, 0.0), (64, 0.0), (65, 0.0), (96, 0.0), (384, -5.0), (768, 100.0)];

const MODES: &[&[Pooling]] = &[
    &[Pooling::Mean],
    &[Pooling::Cls],
    &[Pooling::Max],
    &[Pooling::MeanSqrtLen],
    &[Pooling::WeightedMean],
    &[Pooling::LastToken],
    &[Pooling::Max, Pooling::Mean],
    &Pooling::ALL,
];

#[test]
fn every_case_holds() {
    let mut judge = Judge::new(tolerance::POOL);
    each_way!(|way, engine| {
        for (&(width, mean), skip) in CASES.iter().zip([0, 1, 31, 32, 33].into_iter().cycle()) {
            let packed = texts(&LENGTHS.iter().map(|length| length + skip).collect::<Vec<_>>());
            let x: Vec<f32> = normals(packed.tokens() * width, 1.0, 1).iter().map(|value| mean + value).collect();
            for modes in MODES {
                let mut batch = engine.begin(&packed);
                let uploaded = batch.upload(&x, width);
                let pooled = batch.pool(&uploaded, modes, skip);
                let raw = block_on(batch.finish_raw(pooled)).unwrap();
                let expected = oracle::pool(&packed, &x, width, modes, skip);
                judge.hold(&format!("{way}, D {width}, {modes:?} beyond {skip}"), &raw, &expected);
            }
        }
    });
}
