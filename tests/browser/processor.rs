//! The CPU engine in the browser: each form of the package, one thread or several, by the judge of the native tests.

use serde_json::json;
use wembed_tests::distance::{EXACT, judge};
use wembed_tests::golden::{Golden, Minilm, folder, read};
use wembed_tests::skip::skip;

use crate::browser::{Done, Job, repository, run, run_without_webgpu};
use crate::model::{Device, Embeddings, Info, embed, expected_vectors, expecting};

fn instructions(done: &Done, call: usize) -> (String, usize) {
    match done.results[call].get::<Info>().unwrap().device {
        Device::Cpu { instructions, threads } => (instructions, threads),
        Device::Gpu { .. } => panic!("a GPU was taken"),
    }
}

#[test]
fn every_form_gives_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    for (form, named) in [("simd", "simd128"), ("relaxed", "relaxed-simd"), ("threads", "relaxed-simd")] {
        for model in &golden.models {
            let options = json!({ "device": "cpu", "form": form, "threads": 3 });
            let expected = model.expected.clone();
            let expected = if form == "relaxed" { expected } else { expected.without_longest() };
            let job = Job { options, ..expecting(&folder().join(&model.path), &expected, "") };
            let Some(done) = run(&job) else { return };
            let name = format!("{} by {form}", model.name);
            let vectors = expected_vectors(&done, &expected).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let worst = judge(&expected.texts, &vectors, &expected.vectors, EXACT)
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let threads = if form == "threads" { 3 } else { 1 };
            assert_eq!(instructions(&done, 0), (named.to_owned(), threads), "{name}");
            println!("{name}: {worst}");
        }
    }
}

#[test]
fn the_trained_minilm_gives_the_reference_vectors() {
    let directory = repository().join("models/all-MiniLM-L6-v2");
    if !directory.is_dir() {
        return skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let golden: Minilm = read("minilm.json");
    for (dtype, held) in [("f32", &golden.expected.vectors), ("f16", &golden.vectors_f16)] {
        let options = json!({ "device": "cpu", "dtype": dtype });
        let job = Job { options, ..expecting(&directory, &golden.expected, "") };
        let Some(done) = run(&job) else { return };
        let vectors = expected_vectors(&done, &golden.expected).unwrap_or_else(|fault| panic!("{dtype}: {fault}"));
        let worst =
            judge(&golden.expected.texts, &vectors, held, EXACT).unwrap_or_else(|fault| panic!("{dtype}: {fault}"));
        println!("MiniLM as {dtype}: {worst}");
    }
}

/// How many threads there are does not show in a bit; nor does bf16 fail, which is asked of the processor without saying so.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let golden: Golden = read("golden.json");
    let model = &golden.models[0];
    let mut all = Vec::new();
    for threads in [1, 2, 4] {
        let options = json!({ "device": "cpu", "form": "threads", "threads": threads });
        let calls = vec![json!(["info"]), embed(&model.expected.texts, json!({}))];
        let Some(done) = run(&Job { options, calls, ..Job::new(folder().join(&model.path)) }) else { return };
        assert_eq!(done.error, None);
        assert_eq!(instructions(&done, 0).1, threads);
        all.push(done.results[1].get::<Embeddings>().unwrap().bits());
    }
    assert!(all.iter().all(|bits| *bits == all[0]));
    let calls = vec![json!(["info"]), embed(&model.expected.texts, json!({}))];
    let options = json!({ "dtype": "bf16" });
    let done = run(&Job { options, calls, ..Job::new(folder().join(&model.path)) }).expect("there is a browser");
    assert_eq!(done.results[0].get::<Info>().unwrap().storage, "bf16");
    let (vectors, references) = (done.results[1].get::<Embeddings>().unwrap().vectors(), &model.expected.vectors);
    assert!(judge(&model.expected.texts, &vectors, references, EXACT).is_err(), "bf16 is no f32");
    let bound = wembed_tests::distance::ROUNDED_TO_BF16;
    judge(&model.expected.texts, &vectors, references, bound).unwrap_or_else(|fault| panic!("bf16: {fault}"));
}

/// Without WebGPU, with nothing but a program that stands for a GPU, and on a page that is not isolated: the processor, as it can.
#[test]
fn auto_takes_the_processor_where_there_is_no_gpu() {
    let golden: Golden = read("golden.json");
    let model = &golden.models[0];
    let texts = &model.expected.texts[..3];
    let job = |plain| Job {
        options: json!({}),
        plain,
        calls: vec![json!(["info"]), embed(texts, json!({}))],
        ..Job::new(folder().join(&model.path))
    };
    let Some(isolated) = run(&job(false)) else { return };
    let plain = run(&job(true)).expect("there is a browser");
    let without = run_without_webgpu(&job(false)).expect("there is a browser");
    for (done, form) in [(&isolated, "isolated"), (&plain, "plain"), (&without, "without WebGPU")] {
        assert_eq!(done.error, None, "{form}");
        let (instructions, threads) = instructions(done, 0);
        assert_eq!(instructions, "relaxed-simd", "{form}");
        assert!(if form == "plain" { threads == 1 } else { threads >= 1 }, "{form}: {threads} threads");
        let vectors = done.results[1].get::<Embeddings>().unwrap().vectors();
        judge(texts, &vectors, &model.expected.vectors[..3], EXACT).unwrap_or_else(|fault| panic!("{form}: {fault}"));
    }
    // What is asked for by name is taken, and says what it is.
    let done = run(&Job { options: json!({ "device": "gpu" }), ..job(false) }).expect("there is a browser");
    assert!(matches!(done.results[0].get::<Info>().unwrap().device, Device::Gpu { software: true }));
}

/// Shared memory on a page that may not have it.
#[test]
fn threads_are_refused_where_the_page_is_not_isolated() {
    let golden: Golden = read("golden.json");
    let options = json!({ "device": "cpu", "form": "threads", "threads": 2 });
    let job = Job { options, plain: true, ..Job::new(folder().join(&golden.models[0].path)) };
    let Some(done) = run(&job) else { return };
    let message = done.error.expect("there is no shared memory");
    assert!(message.contains("cross-origin isolated"), "{message}");
}
