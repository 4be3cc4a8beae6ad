//! A text's vector is the same bits whatever else is in its batch, in whatever order, and wherever the word table lives.

use pollster::block_on;
use wembed_kernels::gpu::Options;
use wembed_model::{EmbedOptions, Embedder, Finish, LoadOptions, Memory, Placement};
use wembed_tests::device::{WAYS, open};
use wembed_tests::embedding::{embed, load, options};
use wembed_tests::golden::{Golden, files, folder, read};

/// Each tiny model's texts and files.
fn models() -> Vec<(Vec<String>, Memory)> {
    let golden: Golden = read("golden.json");
    golden.models.into_iter().map(|model| (model.expected.texts, files(&folder().join(&model.path)))).collect()
}

fn vectors(
    texts: &[String],
    files: &Memory,
    options: Options,
    load: LoadOptions,
    embed_options: &EmbedOptions,
) -> Option<Vec<Vec<u32>>> {
    let engine = open(options)?;
    let mut embedder = block_on(Embedder::load(engine, files.clone(), load)).unwrap();
    let embeddings = embed(&mut embedder, texts, embed_options).unwrap();
    Some(embeddings.into_iter().map(|embedding| bits(&embedding.vector)).collect())
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn alone_in_any_order_and_in_any_batch() {
    for way in WAYS {
        for (texts, files) in models() {
            let Some(engine) = open(Options { sentinels: false, ..way.options() }) else { return };
            let mut embedder = load(engine, files).unwrap();
            let mut all = |texts: &[String], batch_tokens| {
                let options = EmbedOptions { batch_tokens, ..EmbedOptions::default() };
                let embeddings = embed(&mut embedder, texts, &options).unwrap();
                embeddings.into_iter().map(|embedding| bits(&embedding.vector)).collect::<Vec<_>>()
            };
            let together = all(&texts, None);
            assert_eq!(together, all(&texts, None), "{}: twice", way.name);
            assert_eq!(together, all(&texts, Some(1)), "{}: one text a batch", way.name);
            assert_eq!(together, all(&texts, Some(100)), "{}: small batches", way.name);
            let mut reversed = texts.clone();
            reversed.reverse();
            let mut backwards = all(&reversed, None);
            backwards.reverse();
            assert_eq!(together, backwards, "{}: the other order", way.name);
            let beside_empty: Vec<String> = texts.iter().flat_map(|text| [text.clone(), String::new()]).collect();
            let beside: Vec<_> = all(&beside_empty, None).into_iter().step_by(2).collect();
            assert_eq!(together, beside, "{}: an empty text beside", way.name);
        }
    }
}

#[test]
fn by_either_variant_of_the_linear_layer() {
    for (texts, files) in models() {
        let all = |small_rows| {
            let options = Options { small_rows, ..options() };
            vectors(&texts, &files, options, LoadOptions::default(), &EmbedOptions::default())
        };
        let Some(tiled) = all(0) else { return };
        assert_eq!(Some(&tiled), all(64).as_ref(), "few rows by the small variant");
        assert_eq!(Some(&tiled), all(1 << 20).as_ref(), "all rows by the small variant");
    }
}

#[test]
fn wherever_the_word_table_lives() {
    for (texts, files) in models() {
        let all = |vocabulary| {
            let load = LoadOptions { vocabulary, ..LoadOptions::default() };
            vectors(&texts, &files, options(), load, &EmbedOptions::default())
        };
        let Some(host) = all(Placement::Host) else { return };
        assert_eq!(Some(host), all(Placement::Device));
    }
}

/// What is asked of the vectors is done after the encoder: a cut is a cut, and a normalised vector points the same way.
#[test]
fn cuts_and_lengths_are_what_is_asked_for() {
    for (texts, files) in models() {
        let all = |finish| {
            let asked = EmbedOptions { finish, ..EmbedOptions::default() };
            let found = vectors(&texts, &files, options(), LoadOptions::default(), &asked)?;
            Some(found.into_iter().map(|v| v.into_iter().map(f32::from_bits).collect::<Vec<f32>>()).collect::<Vec<_>>())
        };
        let Some(raw) = all(Finish { normalize: Some(false), dimensions: None }) else { return };
        let cut = all(Finish { normalize: Some(false), dimensions: Some(17) }).unwrap();
        let unit = all(Finish { normalize: Some(true), dimensions: Some(17) }).unwrap();
        for ((raw, cut), unit) in raw.iter().zip(&cut).zip(&unit) {
            assert_eq!(raw[..17], cut[..]);
            let length = cut.iter().map(|value| value * value).sum::<f32>().sqrt();
            for (cut, unit) in cut.iter().zip(unit) {
                assert!((cut / length - unit).abs() <= 1e-6, "{cut} of length {length} is not {unit}");
            }
        }
    }
}
