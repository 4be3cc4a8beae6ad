//! The golden file: tiny random models of every architecture, natively. The browser is held to the same file.

use wembed_kernels::Dtype;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{Options, Plan};
use wembed_model::relative;
use wembed_tests::device::{TestEngine as _, WAYS, cpu_ways_and_amx, lacks, open};
use wembed_tests::distance::{Bound, ROUNDED_ACTIVATIONS, judge};
use wembed_tests::each_engine;
use wembed_tests::embedding::{expected_vectors, load, options};
use wembed_tests::golden::{Golden, files, folder, read, variant_files};

/// Every architecture: on the processor by each of its instruction sets, on a GPU with weights read as f16, unpacked from f16,
/// and as f32; within the default limits, too. The files hold f16, so every engine holds the same weights and one reference
/// serves all.
#[test]
fn every_architecture_gives_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    assert_eq!(golden.models.len(), 11, "every architecture, and the shapes of models that many people use");
    let gpu = WAYS.map(|way| Options { sentinels: false, ..way.options() });
    let mut engines_seen = Vec::new();
    each_engine!(cpu_ways_and_amx(), gpu, |way, open| {
        let is_gpu = way.ends_with("on a GPU");
        let is_first = !engines_seen.contains(&is_gpu);
        engines_seen.push(is_gpu);
        for model in &golden.models {
            let expected = model.expected.clone().as_time_allows();
            let expected = if is_first { expected } else { expected.without_longest() };
            let engine = open();
            let bound = Bound::of(engine.held());
            let mut embedder = load(engine, files(&folder().join(&model.path))).unwrap();
            let vectors = expected_vectors(&mut embedder, &expected)
                .unwrap_or_else(|fault| panic!("{} as {way}: {fault}", model.name));
            let worst = judge(&expected.texts, &vectors, &expected.vectors, bound)
                .unwrap_or_else(|fault| panic!("{} as {way}: {fault}", model.name));
            println!("{} as {way}: {worst}", model.name);
        }
    });
}

/// On devices whose subgroups multiply matrices, by those, whatever the number of rows.
#[test]
fn matrices_give_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    let options = || Options { matrices: true, ..options() };
    let Some(offered) = open(options()) else { return };
    let Some(name) = offered.variants().into_iter().find(|name| name.starts_with("matrix")) else {
        return lacks("matrices", &offered.info().name);
    };
    for model in &golden.models {
        let expected = model.expected.clone().without_longest();
        let engine = open(Options { linear: Plan::only(name), ..options() }).expect("it was opened before");
        let mut embedder = load(engine, files(&folder().join(&model.path))).unwrap();
        let vectors =
            expected_vectors(&mut embedder, &expected).unwrap_or_else(|fault| panic!("{}: {fault}", model.name));
        let worst = judge(&expected.texts, &vectors, &expected.vectors, ROUNDED_ACTIVATIONS)
            .unwrap_or_else(|fault| panic!("{} by {name}: {fault}", model.name));
        println!("{} by {name}: {worst}", model.name);
    }
}

/// Pooling modes, activations, lengths, prompts and cuts, as the files of old and new layouts say them.
#[test]
fn every_variant_of_the_configuration_gives_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    each_engine!(|way, open| {
        for variant in &golden.variants {
            let engine = open();
            let bound = Bound::of(engine.held());
            let mut embedder =
                load(engine, variant_files(variant)).unwrap_or_else(|error| panic!("{}: {error}", variant.name));
            let expected = &variant.expected;
            let vectors =
                expected_vectors(&mut embedder, expected).unwrap_or_else(|fault| panic!("{}: {fault}", variant.name));
            let worst = judge(&expected.texts, &vectors, &expected.vectors, bound)
                .unwrap_or_else(|fault| panic!("{} as {way}: {fault}", variant.name));
            println!("{} as {way}: {worst}", variant.name);
        }
    });
}

/// Every distance that MPNet's own code was asked for.
#[test]
fn relative_buckets_are_mpnets_own() {
    #[derive(serde::Deserialize)]
    struct Buckets {
        num_buckets: usize,
        relative_positions: Vec<i64>,
        buckets: Vec<usize>,
    }
    let golden: Buckets = read("buckets.json");
    assert!(golden.relative_positions.len() > 1000);
    for (&distance, &bucket) in golden.relative_positions.iter().zip(&golden.buckets) {
        assert_eq!(relative::bucket(distance, golden.num_buckets), bucket, "distance {distance}");
    }
}

/// The dtype is the engine's business: what a file stores as f16 is the same number in an engine that holds f32.
#[test]
fn f32_engines_and_f16_engines_hold_the_same_f16_weights() {
    let golden: Golden = read("golden.json");
    let model = &golden.models[0];
    let files = || files(&folder().join(&model.path));
    let mut both = Vec::new();
    for dtype in [Dtype::F16, Dtype::F32] {
        let Some(engine) = open(Options { dtype, ..options() }) else { break };
        both.push(expected_vectors(&mut load(engine, files()).unwrap(), &model.expected).unwrap());
    }
    assert!(both.iter().all(|vectors| *vectors == both[0]), "widened f16 is f32: the same bits");
    let on_cpu = [Dtype::F16, Dtype::F32].map(|dtype| {
        let engine = CpuEngine::open(cpu::Options { dtype: Some(dtype), ..cpu::Options::default() }).unwrap();
        expected_vectors(&mut load(engine, files()).unwrap(), &model.expected).unwrap()
    });
    assert_eq!(on_cpu[0], on_cpu[1], "on the processor, too");
}
