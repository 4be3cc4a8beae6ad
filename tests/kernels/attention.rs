//! Attention: with and without a relative-position bias.

use pollster::block_on;
use wembed_kernels::{Heads, Ops, Packed, Probe as _, Raw, RelativeBias};
use wembed_tests::device::TestEngine;
use wembed_tests::each_way;
use wembed_tests::judge::Judge;
use wembed_tests::oracle::{self, Bias};
use wembed_tests::tolerance;
use wembed_tests::values::{normals, texts};

/// The texts' lengths, the heads, the standard deviation of queries and keys, the bias's reach.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub lengths: &'static [usize],
    pub heads: Heads,
    pub scale: f32,
    pub reach: Option<usize>,
}

const fn case(lengths: &'static [usize], count: usize, width: usize) -> Case {
    Case { lengths, heads: Heads { count, width }, scale: 1.0, reach: None }
}

/// Lengths straddle the blocks of 4, 8 and 16.
const MIXED: &[usize] = &[1, 17, 2, 33, 16, 5, 3, 4, 8, 9, 15, 7];

pub const CASES: &[Case] = &[
    case(&[1], 2, 64),
    case(&[2], 2, 64),
    case(&[15], 2, 64),
    case(&[16], 2, 64),
    case(&[17], 1, 64),
    case(&[31], 2, 64),
    case(&[32], 2, 64),
    case(&[33], 2, 64),
    case(&[127], 1, 64),
    case(&[128], 12, 64),
    case(&[129], 1, 64),
    case(&[300], 2, 64),
    case(MIXED, 5, 1),
    case(MIXED, 3, 3),
    case(MIXED, 3, 12),
    case(MIXED, 12, 32),
    case(MIXED, 12, 64),
    case(MIXED, 2, 80),
    case(MIXED, 2, 128),
    case(MIXED, 1, 256),
    case(&[128, 1, 300, 64], 2, 32),
    // Longer than the CPU has room for the scores of as many queries as it likes best.
    case(&[2100], 1, 4),
    // Scores of hundreds: their exponentials overflow unless the largest score is taken off first, and it moves as keys go by.
    Case { scale: 15.0, ..case(&[65, 3, 130], 2, 64) },
    Case { scale: 15.0, ..case(&[33, 1], 1, 12) },
    Case { scale: 30.0, ..case(&[40], 1, 128) },
];

impl Case {
    pub const RELATIVE: Self = Self { reach: Some(6), ..case(MIXED, 3, 12) };
    pub const LARGE: Self = Self { scale: 15.0, ..case(&[65, 3, 130], 2, 64) };

    pub fn packed(self) -> Packed {
        texts(self.lengths)
    }

    /// Rows [q | k | v].
    pub fn qkv(self) -> Vec<f32> {
        let hidden = self.heads.count * self.heads.width;
        let rows: usize = self.lengths.iter().sum();
        let scaled =
            |(at, value): (usize, f32)| if at % (3 * hidden) < 2 * hidden { self.scale * value } else { value };
        normals(rows * 3 * hidden, 1.0, 1).into_iter().enumerate().map(scaled).collect()
    }

    /// A table that is not symmetric in the distance's sign.
    pub fn table(self) -> Option<Vec<f32>> {
        self.reach.map(|reach| normals(self.heads.count * (2 * reach + 1), 2.0, 2))
    }

    pub fn run(self, engine: &impl TestEngine) -> Raw {
        let bias = self.table().zip(self.reach).map(|(table, reach)| RelativeBias {
            table: engine.vector("relative bias", &table).expect("the table loads"),
            reach,
        });
        let mut batch = engine.begin(&self.packed());
        let qkv = batch.upload(&self.qkv(), 3 * self.heads.count * self.heads.width);
        let output = batch.attention(&qkv, self.heads, bias.as_ref());
        block_on(batch.finish_raw(output)).expect("the batch runs")
    }

    pub fn expected(self) -> Vec<oracle::Expected> {
        let table = self.table();
        let bias = table.as_deref().zip(self.reach).map(|(table, reach)| Bias { table, reach });
        oracle::attention(&self.packed(), &self.qkv(), self.heads, bias)
    }
}

fn holds_every_case(reaches: &[Option<usize>]) {
    let mut judge = Judge::new(tolerance::ATTENTION);
    let cases = CASES.iter().flat_map(|case| reaches.iter().map(|&reach| Case { reach, ..*case }));
    let cases: Vec<_> = cases.map(|case| (case, case.expected())).collect();
    each_way!(|way, engine| {
        for (case, expected) in &cases {
            judge.hold(&format!("{way}, {case:?}"), &case.run(engine), expected);
        }
    });
}

#[test]
fn plain_holds_every_case() {
    holds_every_case(&[None]);
}

/// Reaches that are shorter than most texts, so that distances beyond them take the outermost value, and one that is longer.
#[test]
fn relative_holds_every_case() {
    holds_every_case(&[Some(1), Some(6), Some(301)]);
}
