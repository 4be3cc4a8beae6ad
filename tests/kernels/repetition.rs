//! A small encoder, again and again: the same bits each time, in scratch that was used before as in fresh scratch, and with
//! two batches in flight.

use std::num::NonZeroUsize;

use pollster::block_on;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{Options, Plan};
use wembed_kernels::{
    Activation, Embeddings, Engine, Heads, Linear, Norm, Ops, Packed, Pending, Pooling, RelativeBias, Stored,
};
use wembed_tests::device::{WAYS, cpu_ways, open};
use wembed_tests::matrix::Matrix;
use wembed_tests::values::{Random, normals};

const HIDDEN: usize = 96;
const HEADS: Heads = Heads { count: 3, width: 32 };
const WORDS: usize = 40;

/// One layer of every operation, twice over.
pub struct Encoder<E: Engine> {
    words: E::Table,
    embeddings: Embeddings<E>,
    qkv: Linear<E>,
    output: Linear<E>,
    wide: Linear<E>,
    narrow: Linear<E>,
    dense: Linear<E>,
    norm: Norm<E>,
    bias: RelativeBias<E>,
}

impl<E: Engine> Encoder<E> {
    pub fn new(engine: &E) -> Self {
        let vector = |count, scale, seed| engine.vector("vector", &normals(count, scale, seed)).expect("it loads");
        let matrix = |rows: usize, columns: usize, seed| {
            Matrix::new("matrix", &normals(rows * columns, 0.1, seed), columns, Stored::F32)
        };
        let linear = |rows, columns, seed| Linear {
            weight: block_on(engine.matrix(matrix(rows, columns, seed))).expect("it loads"),
            bias: vector(rows, 0.1, seed + 100),
        };
        let norm = |seed| Norm { gain: vector(HIDDEN, 1.0, seed), bias: vector(HIDDEN, 0.1, seed + 1), epsilon: 1e-5 };
        Self {
            words: block_on(engine.table(matrix(WORDS, HIDDEN, 1))).expect("it loads"),
            embeddings: Embeddings {
                positions: block_on(engine.table(matrix(512, HIDDEN, 2))).expect("it loads"),
                token_type: vector(HIDDEN, 0.1, 3),
                norm: norm(4),
            },
            qkv: linear(3 * HIDDEN, HIDDEN, 6),
            output: linear(HIDDEN, HIDDEN, 7),
            wide: linear(4 * HIDDEN, HIDDEN, 8),
            narrow: linear(HIDDEN, 4 * HIDDEN, 9),
            dense: linear(32, 2 * HIDDEN, 10),
            norm: norm(11),
            bias: RelativeBias { table: vector(HEADS.count * 9, 1.0, 13), reach: 4 },
        }
    }

    fn layer(&self, batch: &mut E::Batch, x: &E::Tensor, bias: Option<&RelativeBias<E>>) -> E::Tensor {
        let qkv = batch.linear(x, &self.qkv);
        let mixed = batch.attention(&qkv, HEADS, bias);
        let mixed = batch.linear_add(&mixed, &self.output, x);
        let mixed = batch.layer_norm(&mixed, &self.norm);
        let wide = batch.linear_activation(&mixed, &self.wide, Activation::Gelu);
        let narrow = batch.linear_add(&wide, &self.narrow, &mixed);
        batch.layer_norm(&narrow, &self.norm)
    }

    /// One vector a text.
    pub fn run(&self, engine: &E, packed: &Packed) -> Pending {
        let mut batch = engine.begin(packed);
        let x = batch.embed_norm(&self.words, &self.embeddings);
        let x = self.layer(&mut batch, &x, None);
        let x = self.layer(&mut batch, &x, Some(&self.bias));
        let pooled = batch.pool(&x, &[Pooling::Mean, Pooling::Max], 0);
        let dense = batch.linear_activation(&pooled, &self.dense, Activation::Tanh);
        let normalised = batch.normalize(&dense);
        batch.finish(normalised)
    }
}

/// Texts of random words.
pub fn sentences(lengths: &[usize]) -> Packed {
    let mut random = Random::new(1);
    let mut packed = Packed::default();
    for &length in lengths {
        let words: Vec<u32> = (0..length).map(|_| (random.bits() % WORDS as u64) as u32).collect();
        packed.push(words, 2..2 + length as u32);
    }
    packed
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_hundred_times_the_same_bits() {
    for (index, way) in WAYS.into_iter().enumerate() {
        // The other ways are the same kernels, but for how they read weights.
        let times = if index == 0 { 100 } else { 20 };
        let packed = sentences(&[5, 1, 40, 17]);
        let short = sentences(&[2]);
        let mut all = Vec::new();
        let Some(engine) = open(way.options()) else { return };
        let plain = engine.variants().into_iter().map(|variant| (variant, false));
        for (variant, sentinels) in plain.chain([("tiled", true)]) {
            let engine = open(Options { linear: Plan::only(variant), sentinels, ..way.options() });
            let engine = engine.expect("it was opened before");
            let encoder = Encoder::new(&engine);
            for _ in 0..times {
                all.push(bits(&block_on(encoder.run(&engine, &packed)).unwrap()));
                // Another shape in between, so that scratch changes hands.
                block_on(encoder.run(&engine, &short)).unwrap();
            }
        }
        let expected = &all[0];
        assert_eq!(expected.len(), 4 * 32);
        assert!(expected.iter().all(|&bits| f32::from_bits(bits).is_finite()));
        assert!(all.iter().all(|found| found == expected), "{}: bits differ between runs", way.name);
    }
}

/// The processor's engine, too, whatever the number of threads: who computes what does not show.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let packed = sentences(&[5, 1, 40, 17, 200]);
    let mut by_kind = std::collections::BTreeMap::<_, Vec<Vec<u32>>>::new();
    for way in cpu_ways() {
        for threads in [1, 2, 3, 7] {
            for sentinels in [true, false] {
                let threads = NonZeroUsize::new(threads);
                let engine = CpuEngine::open(cpu::Options { threads, sentinels, ..way.options.clone() }).unwrap();
                let encoder = Encoder::new(&engine);
                let kind = (engine.instructions(), engine.dtype().name());
                for _ in 0..3 {
                    let vectors = block_on(encoder.run(&engine, &packed)).unwrap();
                    by_kind.entry(kind).or_default().push(bits(&vectors));
                    block_on(encoder.run(&engine, &sentences(&[2]))).unwrap();
                }
            }
        }
    }
    for (kind, all) in by_kind {
        assert!(all.iter().all(|found| *found == all[0]), "{kind:?}: bits differ between runs");
        assert!(all[0].iter().all(|&bits| f32::from_bits(bits).is_finite()), "{kind:?}");
    }
}

#[test]
fn batches_in_flight_do_not_disturb_each_other() {
    let Some(engine) = open(Options { sentinels: false, ..WAYS[0].options() }) else { return };
    let encoder = Encoder::new(&engine);
    let batches: Vec<Packed> = [&[30][..], &[3, 4, 5], &[1], &[17, 16]].into_iter().map(sentences).collect();
    let alone: Vec<_> = batches.iter().map(|packed| bits(&block_on(encoder.run(&engine, packed)).unwrap())).collect();
    let pending: Vec<_> = batches.iter().map(|packed| encoder.run(&engine, packed)).collect();
    // Awaited in the other order, too.
    let mut together: Vec<_> = pending.into_iter().rev().map(|pending| bits(&block_on(pending).unwrap())).collect();
    together.reverse();
    assert_eq!(alone, together);
}

/// A batch that is given up before its end leaves nothing behind.
#[test]
fn a_batch_can_be_dropped() {
    let Some(engine) = open(WAYS[0].options()) else { return };
    let encoder = Encoder::new(&engine);
    let packed = sentences(&[3, 9]);
    let before = bits(&block_on(encoder.run(&engine, &packed)).unwrap());
    let mut batch = engine.begin(&packed);
    let x = batch.embed_norm(&encoder.words, &encoder.embeddings);
    drop((batch, x));
    // Submitted, but nobody waits.
    drop(encoder.run(&engine, &packed));
    assert_eq!(bits(&block_on(encoder.run(&engine, &packed)).unwrap()), before);
}
