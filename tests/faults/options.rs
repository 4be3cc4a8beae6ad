//! What is asked for beside the model.

use pollster::block_on;
use wembed_model::{EmbedOptions, Embedder, Finish, LoadOptions, Prompt};
use wembed_tests::embedding::embed;

use crate::case::{Faults, engine, load, model};

#[test]
fn maximum_lengths() {
    let mut faults = Faults::default();
    for (name, length, says) in [
        ("mpnet", 201, &["the maximum length", "at most 200", "the model's positions", "found 201"][..]),
        ("xlm-roberta", 131, &["the maximum length", "at most 130", "the model's positions", "found 131"]),
        ("bert", usize::MAX, &["the maximum length", "at most 64", "found 18446744073709551615"]),
        ("mpnet", 0, &["the maximum length", "more than the 2 special tokens", "found 0"]),
        ("mpnet", 1, &["the maximum length", "more than the 2 special tokens", "found 1"]),
        ("mpnet", 2, &["the maximum length", "more than the 2 special tokens", "found 2"]),
    ] {
        let engine = engine();
        let options = LoadOptions { max_length: Some(length), ..LoadOptions::default() };
        let loaded = block_on(Embedder::load(engine, model(name), options));
        faults.hold(&format!("{name}, {length} tokens"), loaded, says);
    }
    for length in [3, 200] {
        let engine = engine();
        let options = LoadOptions { max_length: Some(length), ..LoadOptions::default() };
        let mut embedder = block_on(Embedder::load(engine, model("mpnet"), options)).unwrap();
        let embedding = embed(&mut embedder, &["word ".repeat(300)], &EmbedOptions::default()).unwrap().remove(0);
        assert_eq!((embedding.tokens, embedding.truncated), (length, true));
    }
}

/// Options that do not fit the model are refused before anything is computed, and the model is as good as before.
#[test]
fn options_of_a_call() {
    let dimensions = |dimensions| EmbedOptions {
        finish: Finish { dimensions: Some(dimensions), normalize: None },
        ..EmbedOptions::default()
    };
    let prompt = |name: &str| EmbedOptions { prompt: Prompt::Named(name.to_owned()), ..EmbedOptions::default() };
    let batch_tokens = |tokens| EmbedOptions { batch_tokens: Some(tokens), ..EmbedOptions::default() };
    let mut faults = Faults::default();
    for (name, options, says) in [
        ("mpnet", dimensions(0), &["the dimensions", "1 to 96", "the width of the model's vectors", "found 0"][..]),
        ("mpnet", dimensions(97), &["the dimensions", "1 to 96", "found 97"]),
        ("bert", dimensions(41), &["the dimensions", "1 to 40", "found 41"]),
        ("bert", dimensions(usize::MAX), &["the dimensions", "1 to 40", "found 18446744073709551615"]),
        ("mpnet", prompt("passage"), &["the prompt's name", "`document` or `query`", "found `passage`"]),
        ("mpnet", prompt(""), &["the prompt's name", "`document` or `query`", "found ``"]),
        ("bert", prompt("query"), &["the prompt's name", "the model has no prompts", "found `query`"]),
        ("mpnet", batch_tokens(0), &["the tokens of a batch", "at least 1", "found 0"]),
    ] {
        let loaded = load(model(name));
        let mut embedder = loaded.unwrap();
        let texts = ["a text", ""];
        let before = embed(&mut embedder, &texts, &EmbedOptions::default()).unwrap();
        faults.hold(&format!("{name}, {options:?}"), block_on(embedder.embed(&texts, &options)), says);
        faults.hold(&format!("{name}, {options:?}, no text"), block_on(embedder.embed::<&str>(&[], &options)), says);
        assert_eq!(before, embed(&mut embedder, &texts, &EmbedOptions::default()).unwrap(), "{options:?}");
        for taken in [dimensions(1), prompt_text(), batch_tokens(1), batch_tokens(usize::MAX)] {
            let embeddings = block_on(embedder.embed(&texts, &taken)).map(|_| ());
            faults.expect(&format!("{name}, {taken:?}"), embeddings);
        }
    }
}

fn prompt_text() -> EmbedOptions {
    EmbedOptions { prompt: Prompt::Text("anything: ".to_owned()), ..EmbedOptions::default() }
}
