//! Kernel times: as many launches and operations as there were, by label.

use pollster::block_on;
use wembed_kernels::gpu::{KernelTime, Options, Plan, kernels};
use wembed_tests::device::{open, options};
use wembed_tests::skip::skip;

use crate::repetition::{Encoder, sentences};

#[test]
fn every_launch_is_counted_with_what_it_had_to_do() {
    let Some(engine) = open(Options { kernel_times: true, linear: Plan::only("tiled").with(8, "small"), ..options() })
    else {
        return;
    };
    if !engine.info().features.contains(&"timestamp-query") {
        return skip(&format!("`{}` has no timestamps", engine.info().name));
    }
    assert_eq!(engine.plan().names(), [(Some(8), "small"), (None, "tiled")], "the variants agree");
    let before = engine.kernel_times();
    let encoder = Encoder::new(&engine);
    const BATCHES: u64 = 3;
    for _ in 0..BATCHES {
        block_on(encoder.run(&engine, &sentences(&[20, 3]))).unwrap();
    }
    let (t, d, n) = (23.0, 96.0, 2.0);
    let pairs = 20.0 * 20.0 + 3.0 * 3.0;
    let expected: &[(&str, u64, f64)] = &[
        ("embed_norm", 1, 10.0 * t * d),
        // Two layers' [q | k | v], then output and feed-forward with the residual, then the feed-forward's first half.
        ("linear.tiled.bias", 2, 2.0 * (2.0 * t * d * 3.0 * d)),
        ("linear.tiled.add", 4, 2.0 * (2.0 * t * d * d + 2.0 * t * 4.0 * d * d)),
        ("linear.tiled.activation", 2, 2.0 * (2.0 * t * d * 4.0 * d)),
        // The dense layer on the two pooled rows.
        ("linear.small.activation", 1, 2.0 * n * 2.0 * d * 32.0),
        ("attention.plain", 1, 4.0 * d * pairs),
        ("attention.relative", 1, 4.0 * d * pairs),
        ("layer_norm", 4, 4.0 * (8.0 * t * d)),
        ("pool", 2, 2.0 * (2.0 * t * d)),
        ("normalize", 1, 3.0 * n * 32.0),
    ];
    let times = engine.kernel_times();
    assert!(times.is_sorted_by(|left, right| left.seconds >= right.seconds), "the longest first");
    let of =
        |times: &[KernelTime], label: &str| times.iter().find(|time| time.label == label).cloned().unwrap_or_default();
    for kernel in kernels() {
        let (now, then) = (of(&times, kernel.label), of(&before, kernel.label));
        let found = (now.launches - then.launches, now.cost.flops - then.cost.flops);
        let wanted = expected.iter().find(|(label, ..)| *label == kernel.label);
        let wanted = wanted.map_or((0, 0.0), |&(_, launches, flops)| (BATCHES * launches, BATCHES as f64 * flops));
        assert_eq!(found, wanted, "{}: launches and operations", kernel.label);
        let seconds = now.seconds - then.seconds;
        assert!(wanted.0 == 0 || (seconds > 0.0 && seconds < 10.0), "{}: {seconds} s", kernel.label);
        assert!(wanted.0 == 0 || now.cost.bytes > then.cost.bytes, "{}: no bytes", kernel.label);
    }
}

#[test]
fn without_the_option_there_are_none() {
    let Some(engine) = open(options()) else { return };
    block_on(Encoder::new(&engine).run(&engine, &sentences(&[2]))).unwrap();
    assert_eq!(engine.kernel_times(), []);
}
