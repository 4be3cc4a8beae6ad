//! Embedding sum and layer norm: from tables on the device and from rows that the host gathered.

use pollster::block_on;
use wembed_kernels::{Embeddings, Engine, Gathered, Norm, Ops, Packed, Probe as _, Stored};
use wembed_tests::device::TestEngine as _;
use wembed_tests::each_way;
use wembed_tests::judge::Judge;
use wembed_tests::matrix::Matrix;
use wembed_tests::oracle;
use wembed_tests::tolerance;
use wembed_tests::values::{Random, normals};

/// T and D, and how the file stores the words.
const CASES: &[(usize, usize, Stored)] = &[
    (1, 1, Stored::F32),
    (3, 12, Stored::F16),
    (2, 60, Stored::Bf16),
    (5, 63, Stored::F32),
    (1, 64, Stored::F16),
    (17, 64, Stored::F32),
    (4, 65, Stored::F16),
    (3, 96, Stored::F32),
    (7, 128, Stored::Bf16),
    (33, 384, Stored::F16),
    (9, 768, Stored::F32),
];

const WORDS: usize = 23;
const POSITIONS: usize = 11;

#[test]
fn every_case_holds() {
    let mut judge = Judge::new(tolerance::EMBED_NORM);
    each_way!(|way, engine| {
        for &(tokens, width, stored) in CASES {
            let mut random = Random::new(tokens as u64);
            let mut row = |rows: usize| (0..tokens).map(|_| (random.bits() % rows as u64) as u32).collect::<Vec<_>>();
            let mut packed = Packed::default();
            packed.push(row(WORDS), row(POSITIONS));
            // The tables' last rows, too.
            packed.push([WORDS as u32 - 1, 0], [0, POSITIONS as u32 - 1]);

            let words = Matrix::new("words", &normals(WORDS * width, 0.1, 1), width, stored);
            let positions = Matrix::new("positions", &normals(POSITIONS * width, 0.05, 2), width, Stored::F32);
            let token_type = normals(width, 0.02, 3);
            let (gain, bias) = (normals(width, 1.0, 4), normals(width, 0.5, 5));
            let epsilon = if width % 2 == 0 { 1e-5 } else { 1e-12 };
            let dtype = engine.held();
            let norm = [gain.as_slice(), bias.as_slice()];
            let expected =
                oracle::embed_norm(&packed, &words.held(dtype), &positions.held(dtype), &token_type, norm, epsilon);

            let embeddings = Embeddings {
                positions: block_on(engine.table(positions)).unwrap(),
                token_type: engine.vector("token type", &token_type).unwrap(),
                norm: Norm {
                    gain: engine.vector("gain", &gain).unwrap(),
                    bias: engine.vector("bias", &bias).unwrap(),
                    epsilon,
                },
            };
            let gathered = Gathered { name: "words", bytes: words.bytes(), stored, columns: width };
            let gathered = engine.gathered(gathered).unwrap();
            let table = block_on(engine.table(words.clone())).unwrap();
            for (kind, words) in [("table", &table), ("gathered", &gathered)] {
                let mut batch = engine.begin(&packed);
                let x = batch.embed_norm(words, &embeddings);
                let raw = block_on(batch.finish_raw(x)).unwrap();
                judge.hold(&format!("{way}, {kind}, T {tokens}, D {width}, {stored:?}"), &raw, &expected);
            }
        }
    });
}
