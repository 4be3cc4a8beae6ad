//! A text's vector is the same bits whatever else is in its batch, in whatever order, and wherever the word table lives.

use pollster::block_on;
use wembed_kernels::Engine;
use wembed_kernels::gpu::{Options, Plan, variants};
use wembed_model::{EmbedOptions, Embedder, Finish, LoadOptions, Memory, Placement};
use wembed_tests::device::{WAYS, cpu_ways, open};
use wembed_tests::each_engine;
use wembed_tests::embedding::{embed, load, options};
use wembed_tests::golden::{Expected, Golden, files, folder, is_slow, read};

/// Each tiny model's texts and files; without a text of thousands of tokens, which is embedded once elsewhere.
fn models() -> Vec<(Vec<String>, Memory)> {
    let golden: Golden = read("golden.json");
    let texts = |expected: Expected| expected.without_longest().texts;
    let count = if is_slow() { 3 } else { golden.models.len() };
    let models = golden.models.into_iter().take(count);
    models.map(|model| (texts(model.expected), files(&folder().join(&model.path)))).collect()
}

fn vectors<E: Engine>(
    engine: E,
    texts: &[String],
    files: &Memory,
    load: LoadOptions,
    embed_options: &EmbedOptions,
) -> Vec<Vec<u32>> {
    let mut embedder = block_on(Embedder::load(engine, files.clone(), load)).unwrap();
    let embeddings = embed(&mut embedder, texts, embed_options).unwrap();
    embeddings.into_iter().map(|embedding| bits(&embedding.vector)).collect()
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn alone_in_any_order_and_in_any_batch() {
    let gpu = WAYS.map(|way| Options { sentinels: false, ..way.options() });
    each_engine!(cpu_ways(), gpu, |way, open| {
        for (texts, files) in models() {
            let mut embedder = load(open(), files).unwrap();
            let mut all = |texts: &[String], batch_tokens| {
                let options = EmbedOptions { batch_tokens, ..EmbedOptions::default() };
                let embeddings = embed(&mut embedder, texts, &options).unwrap();
                embeddings.into_iter().map(|embedding| bits(&embedding.vector)).collect::<Vec<_>>()
            };
            let together = all(&texts, None);
            assert_eq!(together, all(&texts, None), "{way}: twice");
            assert_eq!(together, all(&texts, Some(1)), "{way}: one text a batch");
            assert_eq!(together, all(&texts, Some(100)), "{way}: small batches");
            let mut reversed = texts.clone();
            reversed.reverse();
            let mut backwards = all(&reversed, None);
            backwards.reverse();
            assert_eq!(together, backwards, "{way}: the other order");
            let beside_empty: Vec<String> = texts.iter().flat_map(|text| [text.clone(), String::new()]).collect();
            let beside: Vec<_> = all(&beside_empty, None).into_iter().step_by(2).collect();
            assert_eq!(together, beside, "{way}: an empty text beside");
        }
    });
}

#[test]
fn by_any_variant_of_the_linear_layer() {
    for (texts, files) in models() {
        let all = |linear| {
            let engine = open(Options { linear, ..options() })?;
            Some(vectors(engine, &texts, &files, LoadOptions::default(), &EmbedOptions::default()))
        };
        let Some(tiled) = all(Plan::only("tiled")) else { return };
        assert_eq!(Some(&tiled), all(Plan::only("tiled").with(64, "small")).as_ref(), "few rows by the small variant");
        for variant in variants() {
            assert_eq!(Some(&tiled), all(Plan::only(variant)).as_ref(), "all rows by {variant}");
        }
    }
}

#[test]
fn wherever_the_word_table_lives() {
    each_engine!(|way, open| for (texts, files) in models() {
        let all = |vocabulary| {
            let load = LoadOptions { vocabulary, ..LoadOptions::default() };
            vectors(open(), &texts, &files, load, &EmbedOptions::default())
        };
        assert_eq!(all(Placement::Host), all(Placement::Device), "{way}");
    });
}

/// What is asked of the vectors is done after the encoder: a cut is a cut, and a normalised vector points the same way.
#[test]
fn cuts_and_lengths_are_what_is_asked_for() {
    each_engine!(|way, open| for (texts, files) in models() {
        let all = |finish| {
            let asked = EmbedOptions { finish, ..EmbedOptions::default() };
            let found = vectors(open(), &texts, &files, LoadOptions::default(), &asked);
            found.into_iter().map(|v| v.into_iter().map(f32::from_bits).collect::<Vec<f32>>()).collect::<Vec<_>>()
        };
        let raw = all(Finish { normalize: Some(false), dimensions: None });
        let cut = all(Finish { normalize: Some(false), dimensions: Some(13) });
        let unit = all(Finish { normalize: Some(true), dimensions: Some(13) });
        for ((raw, cut), unit) in raw.iter().zip(&cut).zip(&unit) {
            assert_eq!(raw[..13], cut[..]);
            let length = cut.iter().map(|value| value * value).sum::<f32>().sqrt();
            for (cut, unit) in cut.iter().zip(unit) {
                assert!((cut / length - unit).abs() <= 1e-6, "{way}: {cut} of length {length} is not {unit}");
            }
        }
    });
}
