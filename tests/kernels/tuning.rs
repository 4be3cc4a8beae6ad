//! Variants that are chosen by what was measured: no bit shows which, and what was found is followed.

use std::collections::BTreeSet;
use std::time::Duration;

use pollster::block_on;
use wembed_kernels::Engine as _;
use wembed_kernels::gpu::{Options, Plan, Storage};
use wembed_tests::device::{WAYS, open};

use crate::repetition::{Encoder, bits, sentences};

#[test]
fn tuning_changes_no_bit() {
    for way in WAYS {
        let Some(engine) = open(way.options()) else { return };
        let encoder = Encoder::new(&engine);
        let shapes: BTreeSet<_> = engine.unplanned().into_iter().collect();
        let expected: BTreeSet<_> = [(128, 320), (128, 128), (128, 384), (384, 128), (192, 64)].into();
        assert_eq!(shapes, expected, "{}: K and N of its matrices, padded", way.name);
        let run = || {
            let of = |lengths: &[usize]| bits(&block_on(encoder.run(&engine, &sentences(lengths))).expect("it runs"));
            [of(&[1]), of(&[5, 1, 40, 17]), of(&[200, 100])]
        };
        let before = run();
        let tuned = block_on(engine.tune(Duration::from_millis(200))).expect("it is measured");
        assert_eq!(tuned.refused, [""; 0], "{}", way.name);
        assert_eq!(tuned.plans.iter().map(|&(shape, _)| shape).collect::<BTreeSet<_>>(), expected, "{}", way.name);
        let names = engine.variants();
        for time in &tuned.times {
            assert!(time.seconds > 0.0 && names.contains(&time.variant) && expected.contains(&time.shape), "{time:?}");
        }
        assert_eq!(engine.unplanned(), []);
        assert_eq!(run(), before, "{}: {:?}", way.name, tuned.plans);
        // Whatever was found, any plan gives the same.
        for plan in [Plan::only("wide"), Plan::only("narrow").with(30, "small"), Plan::only("small").with(4, "wide")] {
            engine.follow(&expected.iter().map(|&shape| (shape, plan.clone())).collect::<Vec<_>>());
            assert_eq!(run(), before, "{}: {plan:?}", way.name);
        }
    }
}

/// With matrices a text does not see its neighbours either, and plans that this device does not have are not followed.
#[test]
fn matrices_are_taken_where_they_are_asked_for() {
    let Some(engine) = open(Options { matrices: true, ..WAYS[0].options() }) else { return };
    let encoder = Encoder::new(&engine);
    let shapes = engine.unplanned();
    let has_matrices = engine.variants().iter().all(|name| name.starts_with("matrix"));
    engine.follow(&shapes.iter().map(|&shape| (shape, Plan::only("matrix16"))).collect::<Vec<_>>());
    if engine.info().matrices.is_none_or(|matrices| matrices.side != 16) {
        assert_eq!(engine.unplanned(), shapes, "what is not here is not taken");
    }
    let tuned = block_on(engine.tune(Duration::from_millis(200))).expect("it is measured");
    let is_by_matrices = |plan: &Plan| plan.names().iter().all(|(_, name)| name.starts_with("matrix"));
    assert_eq!(tuned.refused, [""; 0]);
    assert!(tuned.plans.iter().all(|(_, plan)| is_by_matrices(plan) == has_matrices), "{:?}", tuned.plans);
    assert_eq!(engine.arithmetic().contains("matrices at"), has_matrices, "{}", engine.arithmetic());
    let run = |lengths: &[usize]| bits(&block_on(encoder.run(&engine, &sentences(lengths))).expect("it runs"));
    let alone = run(&[5]);
    assert_eq!(run(&[5, 1, 40, 17])[..alone.len()], alone, "{:?}", tuned.plans);
}

/// A plan is kept by an engine that is opened again, and its variants are what runs.
#[test]
fn a_plan_is_followed() {
    let options = Options { kernel_times: true, ..WAYS[0].options() };
    let Some(engine) = open(options) else { return };
    let encoder = Encoder::new(&engine);
    let plan = Plan::only("wide").with(30, "narrow");
    engine.follow(&engine.unplanned().into_iter().map(|shape| (shape, plan.clone())).collect::<Vec<_>>());
    let again = block_on(engine.reopen()).expect("the device is there");
    if !again.info().features.contains(&"timestamp-query") {
        return wembed_tests::skip::skip("no timestamps");
    }
    let encoders = [(&engine, encoder), (&again, Encoder::new(&again))];
    for (engine, encoder) in &encoders {
        for (length, variant) in [(30, "narrow"), (31, "wide")] {
            let before = launches(engine, variant);
            block_on(encoder.run(engine, &sentences(&[length]))).expect("it runs");
            // Eight of its layers have a row a token; the last one has one a text.
            let more = launches(engine, variant) - before;
            assert_eq!(more, if variant == "narrow" { 9 } else { 8 }, "{length} tokens by {variant}");
        }
    }
}

fn launches(engine: &wembed_kernels::gpu::GpuEngine, variant: &str) -> u64 {
    let of_variant = |label: &str| label.strip_prefix("linear.").is_some_and(|rest| rest.starts_with(variant));
    engine.kernel_times().iter().filter(|time| of_variant(time.label)).map(|time| time.launches).sum()
}

#[test]
fn plans_are_said_and_read() {
    for plan in [Plan::default(), Plan::only("wide"), Plan::only("tiled").with(64, "narrow").with(8, "small")] {
        assert_eq!(Plan::from_names(&plan.names()), Some(plan));
    }
    let unsound: [&[(Option<usize>, &str)]; 6] = [
        &[],
        &[(Some(4), "small")],
        &[(None, "nothing")],
        &[(None, "small"), (None, "tiled")],
        &[(Some(8), "small"), (Some(4), "narrow"), (None, "tiled")],
        &[(Some(8), "small"), (None, "matrix8")],
    ];
    for names in unsound {
        assert_eq!(Plan::from_names(names), None, "{names:?}");
    }
}

#[test]
fn peaks_are_measured() {
    let Some(engine) = open(WAYS[0].options()) else { return };
    let peaks = block_on(engine.peaks()).expect("it is measured");
    // A processor of this century does more, and no card yet as much.
    assert!((1e8..1e16).contains(&peaks.operations), "{peaks:?}");
    assert!((1e7..1e14).contains(&peaks.bytes), "{peaks:?}");
    let is_some = |rate: Option<f64>| rate.is_some_and(|rate| (1e8..1e16).contains(&rate));
    assert_eq!(is_some(peaks.half_operations), engine.storage() == Storage::F16, "{peaks:?}");
    let by_matrices = open(Options { matrices: true, ..WAYS[0].options() }).expect("it was opened before");
    let peaks = block_on(by_matrices.peaks()).expect("it is measured");
    assert_eq!(is_some(peaks.matrix_operations), by_matrices.info().matrices.is_some(), "{peaks:?}");
    assert!(engine.kernel_times().is_empty());
}
