//! A row's bits depend neither on the rows beside it nor on the variant that is taken for their number.

use pollster::block_on;
use wembed_kernels::gpu::{GpuEngine, Options, Plan, variants};
use wembed_kernels::{Activation, Engine, Norm, Ops, Pooling, Probe as _, Raw};
use wembed_tests::device::{TestEngine, WAYS, open};
use wembed_tests::each_way;
use wembed_tests::golden::is_slow;
use wembed_tests::values::{normals, texts};

use crate::attention;
use crate::linear::{self, Epilogue};

/// K and N of the layers: below, at and above the small variant's round of 512 and the CPU's longest chunk of 768, and as wide as a
/// model's.
const LAYERS: &[(usize, usize)] = &[(64, 64), (192, 65), (192, 129), (576, 64), (768, 128), (832, 64), (3072, 64)];

const EPILOGUES: &[Epilogue] =
    &[Epilogue::Bias, Epilogue::Add, Epilogue::Activation(Activation::Gelu), Epilogue::Activation(Activation::Silu)];

/// The bits of an output, row by row, without padding.
fn rows(raw: &Raw) -> Vec<&[u32]> {
    raw.words.chunks_exact(raw.stride).take(raw.rows).map(|row| &row[..raw.columns]).collect()
}

#[test]
fn every_variant_gives_the_same_bits() {
    for way in WAYS {
        let Some(engine) = open(way.options()) else { return };
        let names = engine.variants();
        assert!(variants().all(|name| names.contains(&name)), "{names:?}");
        let opened = |&name| open(Options { linear: Plan::only(name), ..way.options() }).expect("it was opened before");
        let engines: Vec<_> = names.iter().map(opened).collect();
        for &(depth, columns) in LAYERS {
            for tokens in (1..=20).chain([31, 33, 63, 64, 65, 100]) {
                let inputs = linear::Case::of(tokens, depth, columns).inputs();
                let bits = |engine: &GpuEngine| {
                    let layer = inputs.layer(engine);
                    EPILOGUES.iter().map(|&epilogue| inputs.run(engine, &layer, epilogue)).collect::<Vec<_>>()
                };
                let expected = bits(&engines[0]);
                for (engine, name) in engines.iter().zip(&names).skip(1) {
                    assert_eq!(bits(engine), expected, "{}, {name}, K {depth}, N {columns}, T {tokens}", way.name);
                }
            }
        }
    }
}

/// The product's first rows are the same however many follow: in one of the CPU's tiles of at most 128, or in others of another height.
#[test]
fn linear_rows_do_not_see_each_other() {
    let layers = if is_slow() { &LAYERS[2..5] } else { LAYERS };
    each_way!(|way, engine| {
        for &(depth, columns) in layers {
            let run = |tokens, epilogue| {
                let inputs = linear::Case::of(tokens, depth, columns).inputs();
                inputs.run(engine, &inputs.layer(engine), epilogue)
            };
            for &epilogue in EPILOGUES {
                let many = run(300, epilogue);
                for tokens in [1, 2, 5, 8, 9, 64, 65, 129] {
                    let place = format!("{way}, K {depth}, N {columns}, T {tokens}, {epilogue:?}");
                    assert_eq!(rows(&run(tokens, epilogue)), rows(&many)[..tokens], "{place}");
                }
            }
        }
    });
}

/// Runs an operation on texts of `lengths`, whose rows are the beginning of one stream of numbers.
fn on_texts<E: TestEngine>(
    engine: &E,
    lengths: &[usize],
    values: &[f32],
    width: usize,
    operation: impl Fn(&mut E::Batch, &E::Tensor) -> E::Tensor,
) -> Raw {
    let mut batch = engine.begin(&texts(lengths));
    let x = batch.upload(values, width);
    let output = operation(&mut batch, &x);
    block_on(batch.finish_raw(output)).expect("the batch runs")
}

const LENGTHS: [usize; 8] = [3, 17, 1, 64, 16, 130, 33, 2];

#[test]
fn attention_does_not_see_other_texts() {
    each_way!(|way, engine| {
        for (reach, count, width) in [(None, 2, 64), (Some(5), 2, 64), (Some(5), 3, 12), (None, 1, 80), (None, 1, 256)]
        {
            let heads = wembed_kernels::Heads { count, width };
            let columns = 3 * count * width;
            let case = attention::Case { lengths: &LENGTHS, heads, scale: 1.0, reach };
            let bias = case.table().zip(reach).map(|(table, reach)| wembed_kernels::RelativeBias {
                table: engine.vector("relative bias", &table).unwrap(),
                reach,
            });
            let qkv = case.qkv();
            let attend = |lengths: &[usize], values: &[f32]| {
                on_texts(engine, lengths, values, columns, |batch, x| batch.attention(x, heads, bias.as_ref()))
            };
            let packed = attend(&LENGTHS, &qkv);
            let mut first = 0;
            for length in LENGTHS {
                let alone = attend(&[length], &qkv[first * columns..(first + length) * columns]);
                let place = format!("{way}, {heads:?}, reach {reach:?}, length {length}");
                assert_eq!(rows(&alone), rows(&packed)[first..first + length], "{place}");
                first += length;
            }
        }
    });
}

#[test]
fn pooling_does_not_see_other_texts() {
    each_way!(|way, engine| {
        let width = 65;
        let x = normals(LENGTHS.iter().sum::<usize>() * width, 1.0, 1);
        let pooled = |lengths: &[usize], values: &[f32]| {
            on_texts(engine, lengths, values, width, |batch, x| {
                let pooled = batch.pool(x, &Pooling::ALL, 0);
                batch.normalize(&pooled)
            })
        };
        let packed = pooled(&LENGTHS, &x);
        let mut first = 0;
        for (text, length) in LENGTHS.into_iter().enumerate() {
            let alone = pooled(&[length], &x[first * width..(first + length) * width]);
            assert_eq!(rows(&alone)[0], rows(&packed)[text], "{way}, length {length}");
            first += length;
        }
    });
}

#[test]
fn layer_norm_rows_do_not_see_each_other() {
    let (width, count) = (384, 9);
    let x = normals(count * width, 1.0, 1);
    each_way!(|way, engine| {
        let norm = Norm {
            gain: engine.vector("gain", &normals(width, 1.0, 2)).unwrap(),
            bias: engine.vector("bias", &normals(width, 1.0, 3)).unwrap(),
            epsilon: 1e-5,
        };
        let normed = |values: &[f32]| on_texts(engine, &[1], values, width, |batch, x| batch.layer_norm(x, &norm));
        let among = normed(&x);
        for (row, values) in x.chunks_exact(width).enumerate() {
            assert_eq!(rows(&normed(values))[0], rows(&among)[row], "{way}, row {row}");
        }
    });
}
