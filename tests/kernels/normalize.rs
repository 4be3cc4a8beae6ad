//! L2 normalisation, and the cut before it.

use pollster::block_on;
use wembed_kernels::{Engine, Ops, Packed, Probe as _};
use wembed_tests::each_way;
use wembed_tests::judge::{Judge, values_of};
use wembed_tests::oracle::{cut, normalize};
use wembed_tests::tolerance;
use wembed_tests::values::normals;

/// The size of each row's values. Nothing but zeros stays zeros; a length below 1e-12 counts as 1e-12. Beyond these sizes
/// squares leave f32, as they do in torch.
const SIZES: &[f32] = &[1.0, 0.0, 1e-16, 1e-13, 1e-10, 1e15, 0.01, 30.0];

/// D and how many columns of it are kept.
const CASES: &[(usize, usize)] = &[
    (1, 1),
    (12, 12),
    (12, 1),
    (60, 60),
    (63, 63),
    (64, 64),
    (64, 63),
    (65, 65),
    (65, 64),
    (96, 65),
    (128, 12),
    (384, 384),
    (768, 768),
    (768, 256),
    (768, 100),
];

/// Rows of every size.
pub fn rows(width: usize) -> Vec<f32> {
    SIZES.iter().zip(1..).flat_map(|(&size, seed)| normals(width, size, seed)).collect()
}

#[test]
fn every_case_holds() {
    let mut judge = Judge::new(tolerance::NORMALIZE);
    each_way!(|way, engine| {
        for &(width, columns) in CASES {
            let x = rows(width);
            let mut batch = engine.begin(&Packed::default());
            let uploaded = batch.upload(&x, width);
            let shortened = batch.cut(uploaded, columns);
            let normalised = batch.normalize(&shortened);
            let raw = block_on(batch.finish_raw(normalised)).unwrap();
            judge.hold(
                &format!("{way}, D {width}, {columns} kept"),
                &raw,
                &normalize(&cut(&x, width, columns), columns),
            );
        }
    });
}

/// What `finish` gives is what the whole memory holds without its padding, cut or not.
#[test]
fn finish_leaves_the_padding_out() {
    each_way!(|way, engine| {
        for &(width, columns) in CASES {
            let x = rows(width);
            let normalised = || {
                let mut batch = engine.begin(&Packed::default());
                let uploaded = batch.upload(&x, width);
                let output = batch.normalize(&uploaded);
                (batch, output)
            };
            let (batch, output) = normalised();
            let whole = values_of(&block_on(batch.finish_raw(output)).unwrap());
            let (mut batch, output) = normalised();
            let output = batch.cut(output, columns);
            let finished = block_on(batch.finish(output)).unwrap();
            assert_eq!(finished, cut(&whole, width, columns), "{way}, D {width}, {columns} kept");
        }
    });
}
