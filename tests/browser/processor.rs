//! The CPU engine in the browser: each form of the package, one thread or several, by the judge of the native tests.

use serde_json::{Value, json};
use wembed_tests::distance::{Distance, EXACT, ROUNDED_TO_BF16, judge};
use wembed_tests::golden::{Golden, GoldenModel, Minilm, folder, read};
use wembed_tests::skip::skip;

use crate::browser::{Done, Job, repository, run, run_without_webgpu};
use crate::model::{Device, Embeddings, Info, embed, expected_vectors, expecting};

/// What the first call, `info`, says of the processor: the package's form, the instructions, the threads.
fn processor(done: &Done) -> (String, String, usize) {
    assert_eq!(done.error, None);
    let info = done.results[0].get::<Info>().unwrap();
    match info.device {
        Device::Cpu { instructions, threads } => (info.form, instructions, threads),
        Device::Gpu { .. } => panic!("a GPU was taken"),
    }
}

/// A job for the golden file's first model, which asks for `info` and embeds all texts.
fn asking(options: Value) -> (Job, GoldenModel) {
    let mut golden: Golden = read("golden.json");
    let model = golden.models.swap_remove(0);
    let calls = vec![json!(["info"]), embed(&model.expected.texts, json!({}))];
    (Job { options, calls, ..Job::new(folder().join(&model.path)) }, model)
}

#[test]
fn every_form_gives_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    for (form, named) in [("simd", "simd128"), ("relaxed", "relaxed-simd"), ("threads", "relaxed-simd")] {
        for model in &golden.models {
            let threads = if form == "threads" { 3 } else { 1 };
            let options = json!({ "device": "cpu", "form": form, "threads": threads });
            let expected = model.expected.clone();
            let expected = if form == "relaxed" { expected } else { expected.without_longest() };
            let job = Job { options, ..expecting(&folder().join(&model.path), &expected, "") };
            let Some(done) = run(&job) else { return };
            let name = format!("{} by {form}", model.name);
            let vectors = expected_vectors(&done, &expected).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let worst = judge(&expected.texts, &vectors, &expected.vectors, EXACT)
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(processor(&done), (form.to_owned(), named.to_owned(), threads), "{name}");
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
    let mut all = Vec::new();
    for threads in [1, 2, 4] {
        let Some(done) = run(&asking(json!({ "device": "cpu", "form": "threads", "threads": threads })).0) else {
            return;
        };
        assert_eq!(processor(&done).2, threads);
        all.push(done.results[1].get::<Embeddings>().unwrap().bits());
    }
    assert!(all.iter().all(|bits| *bits == all[0]));
    let (job, model) = asking(json!({ "dtype": "bf16" }));
    let done = run(&job).expect("there is a browser");
    assert_eq!(done.results[0].get::<Info>().unwrap().storage, "bf16");
    let (vectors, references) = (done.results[1].get::<Embeddings>().unwrap().vectors(), &model.expected.vectors);
    assert!(judge(&model.expected.texts, &vectors, references, EXACT).is_err(), "bf16 is no f32");
    judge(&model.expected.texts, &vectors, references, ROUNDED_TO_BF16).unwrap_or_else(|fault| panic!("bf16: {fault}"));
}

/// Without WebGPU, with nothing but a program that stands for a GPU, and on a page that is not isolated: the processor, as it can.
#[test]
fn auto_takes_the_processor_where_there_is_no_gpu() {
    let (job, model) = asking(json!({}));
    let Some(isolated) = run(&job) else { return };
    let plain = run(&Job { plain: true, ..job.clone() }).expect("there is a browser");
    let without = run_without_webgpu(&job).expect("there is a browser");
    let all = std::thread::available_parallelism().unwrap().get();
    let most = if all > 1 { ("threads", all) } else { ("relaxed", 1) };
    for (done, page, (form, threads)) in
        [(&isolated, "isolated", most), (&plain, "plain", ("relaxed", 1)), (&without, "without WebGPU", most)]
    {
        assert_eq!(processor(done), (form.to_owned(), "relaxed-simd".to_owned(), threads), "{page}");
        hold(done, &model).unwrap_or_else(|fault| panic!("{page}: {fault}"));
    }
    // What is asked for by name is taken, and says what it is.
    let done = run(&Job { options: json!({ "device": "gpu" }), ..job }).expect("there is a browser");
    assert!(matches!(done.results[0].get::<Info>().unwrap().device, Device::Gpu { software: true }));
}

fn hold(done: &Done, model: &GoldenModel) -> Result<Distance, String> {
    let vectors = done.results[1].get::<Embeddings>()?.vectors();
    judge(&model.expected.texts, &vectors, &model.expected.vectors, EXACT)
}

/// Threads that are asked for are had, or an error says why not.
#[test]
fn threads_that_cannot_be_had_are_refused() {
    for (options, plain, words) in [
        (json!({ "form": "threads" }), true, "cross-origin isolated"),
        (json!({ "threads": 2 }), true, "cross-origin isolated"),
        (json!({ "form": "relaxed", "threads": 2 }), false, "`threads`: expected 1"),
        (json!({ "threads": 0 }), false, "`threads`: expected a whole number from 1 on, found 0"),
        (json!({ "threads": "many" }), false, "found \"many\""),
        (json!({ "form": "avx512" }), false, "`form`: expected one of threads, relaxed, simd, found \"avx512\""),
    ] {
        let Some(done) = run(&Job { plain, ..asking(options.clone()).0 }) else { return };
        let message = done.error.unwrap_or_else(|| panic!("{options} was taken"));
        assert!(message.contains(words), "{options}: {message}");
    }
}

/// A browser that has all that threads need, and does not give it: the next form where nobody asked for threads, else an error.
#[test]
fn threads_that_do_not_start_are_missed_only_where_they_are_asked_for() {
    for (worker, words) in [
        ("/test/threads-worker.mjs?memory", "there is no shared memory"),
        ("/test/threads-worker.mjs?load", "a thread did not start"),
    ] {
        let (job, _) = asking(json!({ "device": "cpu", "threads": 2 }));
        let Some(done) = run(&Job { worker: Some(worker), ..job }) else { return };
        let message = done.error.unwrap_or_else(|| panic!("{worker}: there are threads"));
        assert!(message.contains("the form threads did not start") && message.contains(words), "{worker}: {message}");

        let (job, model) = asking(json!({ "device": "cpu" }));
        let done = run(&Job { worker: Some(worker), ..job }).expect("there is a browser");
        assert_eq!(processor(&done), ("relaxed".to_owned(), "relaxed-simd".to_owned(), 1), "{worker}");
        hold(&done, &model).unwrap_or_else(|fault| panic!("{worker}: {fault}"));
    }
}

/// A thread that stops is waited for, for ever: the page hears of it all the same.
#[test]
fn a_thread_that_stops_ends_what_was_asked_for() {
    let (job, _) = asking(json!({ "device": "cpu", "threads": 2 }));
    let Some(done) = run(&Job { worker: Some("/test/threads-worker.mjs?run"), ..job }) else { return };
    let message = done.error.expect("nobody can load");
    assert!(message.contains("a thread stopped: it came to a bad end"), "{message}");
}
