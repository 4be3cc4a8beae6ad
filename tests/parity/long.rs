//! Texts that are longer than the model: each `Long`, held to vectors that are put together here from the model's own.

use pollster::block_on;
use wembed_kernels::Engine;
use wembed_model::{EmbedOptions, Embedder, Embedding, Error, Finish, Long, Memory, Prompt};
use wembed_tests::each_engine;
use wembed_tests::embedding::{embed, load};
use wembed_tests::golden::{Golden, GoldenModel, change_json, files, folder, read};

fn golden(name: &str) -> GoldenModel {
    let golden: Golden = read("golden.json");
    golden.models.into_iter().find(|model| model.name == name).unwrap()
}

fn with(long: Long) -> EmbedOptions {
    EmbedOptions { long, ..EmbedOptions::default() }
}

/// Words of one token each, so that every window of them is a text by itself.
fn words<E: Engine>(embedder: &Embedder<E, Memory>, count: usize) -> Vec<&'static str> {
    let candidates =
        "the train left a station and nobody read it in one day 0 1 2 3 4 5 6 7 8 9 to of that i o".split(' ');
    let is_token = |word: &&str| embedder.tokenize(word).unwrap().ids.len() == 3;
    let words: Vec<_> = candidates.filter(is_token).collect();
    assert!(words.len() > 5, "{words:?}");
    words.into_iter().cycle().take(count).collect()
}

fn cosine_and_length(x: &[f32], y: &[f64]) -> (f64, f64) {
    let dot: f64 = x.iter().zip(y).map(|(&x, y)| f64::from(x) * y).sum();
    let (x, y) =
        (x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt(), y.iter().map(|y| y * y).sum::<f64>().sqrt());
    (dot / (x * y), x / y)
}

/// Windows of `room` words that overlap by an eighth of it, their vectors weighted by their words.
fn by_hand<E: Engine>(
    embedder: &mut Embedder<E, Memory>,
    words: &[&str],
    room: usize,
    options: &EmbedOptions,
) -> (Vec<f64>, usize) {
    let overlap = room / 8;
    let count = (words.len() - overlap).div_ceil(room - overlap);
    let size = (words.len() + (count - 1) * overlap).div_ceil(count);
    let windows: Vec<_> = (0..count)
        .map(|index| &words[index * (size - overlap)..words.len().min(index * (size - overlap) + size)])
        .collect();
    let texts: Vec<_> = windows.iter().map(|window| window.join(" ")).collect();
    let vectors = embed(embedder, &texts, options).unwrap();
    let mut mean = vec![0.0; vectors[0].vector.len()];
    let all: usize = windows.iter().map(|window| window.len()).sum();
    for (window, embedding) in windows.iter().zip(&vectors) {
        assert!(!embedding.truncated, "a window fits");
        for (mean, &value) in mean.iter_mut().zip(&embedding.vector) {
            *mean += f64::from(value) * window.len() as f64 / all as f64;
        }
    }
    (mean, count)
}

fn normalised(mut vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

#[test]
fn the_mean_of_the_windows_vectors() {
    for (name, normalizes, takes) in [("mpnet", true, 160), ("xlm-roberta", false, 128)] {
        let model = golden(name);
        each_engine!(|way, open| {
            let mut embedder = load(open(), files(&folder().join(&model.path))).unwrap();
            for count in [takes - 1, 2 * takes, 700] {
                let words = words(&embedder, count);
                let text = words.join(" ");
                for prompt in ["", "it left: "] {
                    let options = EmbedOptions { prompt: Prompt::Text(prompt.to_owned()), ..with(Long::Mean) };
                    let taken = embedder.tokenize(prompt).unwrap().ids.len();
                    let (mean, windows) = by_hand(&mut embedder, &words, takes - taken, &options);
                    let found = embed(&mut embedder, &["before", &text, "after"], &options).unwrap();
                    let found = &found[1];
                    let place = format!("{name} as {way}, {count} words behind {prompt:?}");
                    assert_eq!((found.tokens, found.truncated), (count + taken, false), "{place}");
                    assert_eq!(found.windows, windows, "{place}");
                    let expected = if normalizes { normalised(mean) } else { mean };
                    let (cosine, length) = cosine_and_length(&found.vector, &expected);
                    assert!((1.0 - cosine).abs() < 1e-12 && (length - 1.0).abs() < 1e-6, "{place}: {cosine} {length}");
                }
            }
        });
    }
}

/// What is asked of the vectors is asked of the mean, not of the windows.
#[test]
fn a_mean_is_finished_as_vectors_are() {
    let model = golden("mpnet");
    each_engine!(|way, open| {
        let mut embedder = load(open(), files(&folder().join(&model.path))).unwrap();
        let text = words(&embedder, 400).join(" ");
        let mut all = |normalize, dimensions| {
            let finish = Finish { normalize, dimensions };
            embed(&mut embedder, &[&text], &EmbedOptions { finish, ..with(Long::Mean) }).unwrap().remove(0).vector
        };
        let (usual, cut, unit) = (all(None, None), all(None, Some(32)), all(Some(true), Some(32)));
        assert_eq!(usual[..32], cut[..], "{way}: a cut comes last");
        let (cosine, length) = cosine_and_length(&unit, &normalised(cut.into_iter().map(f64::from).collect()));
        assert!((1.0 - cosine).abs() < 1e-12 && (length - 1.0).abs() < 1e-6, "{way}: {cosine} {length}");
        let raw = all(Some(false), None);
        assert!(raw.iter().map(|value| value * value).sum::<f32>() > 1.1, "{way}: means of vectors of any length");
    });
}

/// A text that the model takes whole has the same bits, whatever is done with others beside it.
#[test]
fn only_long_texts_are_touched() {
    let model = golden("xlm-roberta");
    each_engine!(|way, open| {
        let mut embedder = load(open(), files(&folder().join(&model.path))).unwrap();
        let texts = &model.expected.texts;
        let truncated = embed(&mut embedder, texts, &with(Long::Truncate)).unwrap();
        for batch_tokens in [None, Some(100)] {
            let mean = embed(&mut embedder, texts, &EmbedOptions { batch_tokens, ..with(Long::Mean) }).unwrap();
            let errors = block_on(embedder.embed(texts, &with(Long::Error))).unwrap();
            for (((cut, mean), error), text) in truncated.iter().zip(&mean).zip(errors).zip(texts) {
                if cut.truncated {
                    assert!(mean.windows > 1 && !mean.truncated && mean.tokens > cut.tokens, "{way}: {mean:?}");
                    assert_ne!(mean.vector, cut.vector);
                    let error = error.expect_err("a text that is too long");
                    assert!(error.is_text(), "the text's own");
                    let says = format!("it has {} tokens, the model takes 128", mean.tokens);
                    assert!(error.to_string().contains(&says), "{error}");
                } else {
                    assert_eq!((mean, &error.unwrap()), (cut, cut), "{way}: {text:?}");
                }
            }
        }
        assert!(truncated.iter().any(|embedding| embedding.truncated), "there are long texts");
    });
}

/// What goes wrong in one window is the text's own error, once; and a prompt must leave room.
#[test]
fn a_window_that_fails() {
    let model = golden("xlm-roberta");
    let mut files = files(&folder().join(&model.path));
    let path = "config_sentence_transformers.json";
    let prompts = serde_json::json!({ "prompts": { "endless": "the train ".repeat(80) } });
    change_json(&mut files, path, prompts.as_object().unwrap());
    each_engine!(|way, open| {
        let mut embedder = load(open(), files.clone()).unwrap();
        let options = EmbedOptions { prompt: Prompt::Named("endless".to_owned()), ..with(Long::Mean) };
        let long = words(&embedder, 300).join(" ");
        let found: Vec<Result<Embedding, Error>> = block_on(embedder.embed(&["a", &long, "b"], &options)).unwrap();
        assert_eq!(found.len(), 3, "{way}: one result a text");
        for result in &found {
            let error = result.as_ref().expect_err("the prompt fills the model");
            assert!(error.is_text() && error.to_string().contains("leaves no room"), "{way}: {error}");
        }
        assert!(embed(&mut embedder, &["a", &long], &with(Long::Mean)).is_ok(), "{way}: nothing stays behind");
    });
}

/// Texts that fail do not let a run read on for ever: the first error comes after a bounded number of texts.
#[test]
fn failures_come_while_texts_are_read() {
    let model = golden("xlm-roberta");
    each_engine!(|way, open| {
        let mut embedder = load(open(), files(&folder().join(&model.path))).unwrap();
        let long = words(&embedder, 200).join(" ");
        let pulled = std::cell::Cell::new(0);
        let texts = std::iter::repeat_n(&long, 100_000).inspect(|_| pulled.set(pulled.get() + 1));
        let options = EmbedOptions { batch_tokens: Some(64), ..with(Long::Error) };
        let flow = block_on(embedder.embed_each(texts, &options, |result| {
            assert!(result.is_err());
            std::ops::ControlFlow::Break(())
        }));
        assert!(flow.unwrap().is_break());
        assert!(pulled.get() < 1000, "{way}: {} texts were read before the first result", pulled.get());
    });
}

/// Windows that are computed beside other texts and their windows have the bits that they have alone.
#[test]
fn windows_do_not_see_other_texts() {
    let model = golden("xlm-roberta");
    each_engine!(|way, open| {
        let mut embedder = load(open(), files(&folder().join(&model.path))).unwrap();
        let long = words(&embedder, 200).join(" ");
        let texts: Vec<&str> = (0..20).flat_map(|_| ["a", long.as_str()]).collect();
        let alternating = embed(&mut embedder, &texts, &with(Long::Mean)).unwrap();
        let alone =
            [embed(&mut embedder, &["a"], &with(Long::Mean)), embed(&mut embedder, &[&long], &with(Long::Mean))];
        let alone = alone.map(|found| found.unwrap().remove(0));
        for (index, found) in alternating.iter().enumerate() {
            assert_eq!(found, &alone[index % 2], "{way}: text {index}");
        }
    });
}
