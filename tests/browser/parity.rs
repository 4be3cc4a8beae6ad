//! The golden files in the browser, by the judge and the bound of the native tests.

use serde_json::{Value, json};
use wembed_tests::distance::{EXACT, ROUNDED_TO_F16, judge};
use wembed_tests::golden::{BuiltIn, Expected, Golden, Minilm, Variant, folder, read, variant_files};
use wembed_tests::skip::skip;

use crate::browser::{Job, repository, run};
use crate::model::{Embeddings, Info, embed, expected_vectors, expecting, variant};

/// Every architecture, with weights unpacked from f16 and as f32.
#[test]
fn every_architecture_gives_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    for (dtype, storage) in [("f16", ["f16", "f16 packed"].as_slice()), ("f32", &["f32"])] {
        for model in &golden.models {
            let options = json!({ "device": "gpu", "dtype": dtype });
            let expected = model.expected.clone();
            let expected = if dtype == "f16" { expected } else { expected.without_longest() };
            let job = Job { options, ..expecting(&folder().join(&model.path), &expected, "") };
            let Some(done) = run(&job) else { return };
            let name = format!("{} as {dtype}", model.name);
            let vectors = expected_vectors(&done, &expected).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let worst = judge(&expected.texts, &vectors, &expected.vectors, EXACT)
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let info: Info = done.results[0].get().unwrap();
            assert!(storage.contains(&info.storage.as_str()), "{dtype} became {}", info.storage);
            println!("{name} ({}): {worst}, {} requests", info.storage, done.requests);
        }
    }
}

/// The smallest of mistakes, tanh instead of erf: the whole way from the page to the judge must refuse it.
#[test]
fn a_model_with_a_mistake_does_not_pass() {
    let golden: Golden = read("golden.json");
    let changed = golden.variants.iter().find(|variant| variant.name == "hidden_act gelu_new").unwrap();
    let right = golden.models.iter().find(|model| model.name == changed.model).unwrap();
    let (texts, references) = (&right.expected.texts[..8], &right.expected.vectors[..8]);
    let mut job = Job::new(variant(changed, "a mistake"));
    job.calls = vec![embed(texts, json!({}))];
    for device in ["cpu", "gpu"] {
        job.options = json!({ "device": device });
        let Some(done) = run(&job) else { return };
        let vectors = done.results[0].get::<Embeddings>().unwrap().vectors();
        println!("refused: {}", judge(texts, &vectors, references, EXACT).expect_err("a wrong model does not pass"));
    }
}

/// Pooling modes, activations, lengths, prompts and cuts, as the files of old and new layouts say them; on the processor, since
/// it is the same code above the engine, which on WebGPU is held to them natively.
#[test]
fn every_variant_of_the_configuration_gives_the_reference_vectors() {
    let golden: Golden = read("golden.json");
    for changed in &golden.variants {
        let Some(done) = run(&expecting(&variant(changed, &changed.name), &changed.expected, &prompt(changed))) else {
            return;
        };
        let vectors =
            expected_vectors(&done, &changed.expected).unwrap_or_else(|fault| panic!("{}: {fault}", changed.name));
        let worst = judge(&changed.expected.texts, &vectors, &changed.expected.vectors, EXACT)
            .unwrap_or_else(|fault| panic!("{}: {fault}", changed.name));
        println!("{}: {worst}", changed.name);
    }
}

/// What the variant's model puts in front of each text.
fn prompt(variant: &Variant) -> String {
    let files = variant_files(variant);
    let sentence = files.get("config_sentence_transformers.json").map(serde_json::from_slice::<Value>);
    let Some(sentence) = sentence.transpose().expect("it is JSON") else { return String::new() };
    let name = variant.expected.prompt_name.as_deref().or(sentence["default_prompt_name"].as_str());
    name.map(|name| sentence["prompts"][name].as_str().expect("a prompt is text").to_owned()).unwrap_or_default()
}

/// The model that comes with the package, from where the package looks for it.
#[test]
fn the_built_in_model_gives_the_reference_vectors() {
    let golden = BuiltIn::read();
    for device in ["cpu", "gpu"] {
        let mut job = Job { source: Some("wembed-mini"), ..Job::new("") };
        job.options = json!({ "device": device });
        job.calls = vec![embed(&golden.texts, json!({}))];
        let Some(done) = run(&job) else { return };
        assert_eq!(done.error, None);
        let vectors = done.results[0].get::<Embeddings>().unwrap().vectors();
        let worst = judge(&golden.texts, &vectors, &golden.vectors, EXACT);
        println!("wembed-mini, {device}: {}", worst.unwrap_or_else(|fault| panic!("{device}: {fault}")));
    }
}

#[test]
fn the_trained_minilm_gives_the_reference_vectors_as_f32() {
    let golden: Minilm = read("minilm.json");
    hold_minilm("f32", &golden, &golden.expected.vectors);
}

#[test]
fn the_trained_minilm_gives_the_reference_vectors_as_f16() {
    let golden: Minilm = read("minilm.json");
    hold_minilm("f16", &golden, &golden.vectors_f16);
}

/// Against f64 on the weights that it holds, at the tight bound, and for f16 against the published ones too.
///
/// Some of the texts: the device is a program, and does 30 tokens a second.
fn hold_minilm(dtype: &str, golden: &Minilm, held: &[Vec<f64>]) {
    let directory = repository().join("models/all-MiniLM-L6-v2");
    if !directory.is_dir() {
        return skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let all = &golden.expected;
    // The empty text, one character, all that is short; one that fills the model, and the one that goes farthest beyond.
    let longest = all.ids.iter().map(Vec::len).max().expect("there are texts");
    let fills = |&index: &usize| all.ids[index].len() == longest && !all.truncated[index];
    let mut chosen: Vec<usize> = (0..all.texts.len()).filter(|&index| all.ids[index].len() <= 20).collect();
    chosen.extend((0..all.texts.len()).find(fills));
    chosen.extend((0..all.texts.len()).max_by_key(|&index| all.texts[index].len()));
    assert!(chosen.len() >= 20 && all.truncated[chosen[chosen.len() - 1]], "texts of every kind");
    let of = |vectors: &[Vec<f64>]| chosen.iter().map(|&index| vectors[index].clone()).collect::<Vec<_>>();
    let expected = Expected {
        texts: chosen.iter().map(|&index| all.texts[index].clone()).collect(),
        ids: chosen.iter().map(|&index| all.ids[index].clone()).collect(),
        truncated: chosen.iter().map(|&index| all.truncated[index]).collect(),
        vectors: of(held),
        prompt_name: None,
    };

    let options = json!({ "device": "gpu", "dtype": dtype });
    let Some(done) = run(&Job { options, ..expecting(&directory, &expected, "") }) else { return };
    let vectors = expected_vectors(&done, &expected).unwrap_or_else(|fault| panic!("{dtype}: {fault}"));
    let hold = |references: &[Vec<f64>], bound| {
        judge(&expected.texts, &vectors, references, bound).unwrap_or_else(|fault| panic!("{dtype}: {fault}"))
    };
    let worst = hold(&expected.vectors, EXACT);
    println!("MiniLM as {dtype}, against the weights it holds: {worst}, {} requests", done.requests);
    if dtype == "f16" {
        let worst = hold(&of(&all.vectors), ROUNDED_TO_F16);
        println!("MiniLM as {dtype}, against the published weights: {worst}");
    }
}
