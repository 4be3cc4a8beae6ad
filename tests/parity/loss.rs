//! A device that is lost in the middle: replaced once, and the vectors are the same bits.

use std::ops::ControlFlow;

use pollster::block_on;
use wembed_model::EmbedOptions;
use wembed_tests::device::open;
use wembed_tests::embedding::{embed, load, options};
use wembed_tests::golden::{Golden, files, folder, read};

#[test]
fn a_device_destroyed_in_the_middle_of_a_batch_is_replaced() {
    let golden: Golden = read("golden.json");
    for model in &golden.models[..3] {
        let Some(engine) = open(options()) else { return };
        let mut embedder = load(engine, files(&folder().join(&model.path))).unwrap();
        let texts = &model.expected.texts;
        // Small batches: when the first is delivered, the second is already on the device.
        let small = EmbedOptions { batch_tokens: Some(100), ..EmbedOptions::default() };
        let expected = embed(&mut embedder, texts, &small).unwrap();

        let device = embedder.engine().device().clone();
        let mut embeddings = Vec::new();
        let job = embedder.embed_each(texts, &small, |embedding| {
            if embeddings.is_empty() {
                device.destroy();
            }
            embeddings.push(embedding.unwrap());
            ControlFlow::<()>::Continue(())
        });
        assert!(block_on(job).unwrap().is_continue());
        assert_eq!(embeddings, expected, "{}: the same bits after the loss", model.name);
        assert_eq!(embedder.devices_replaced(), 1, "{}: one loss, one replacement", model.name);
    }
}

#[test]
fn a_device_lost_between_two_calls_is_replaced() {
    let golden: Golden = read("golden.json");
    let model = &golden.models[0];
    let Some(engine) = open(options()) else { return };
    let mut embedder = load(engine, files(&folder().join(&model.path))).unwrap();
    let texts = &model.expected.texts[..3];
    let expected = embed(&mut embedder, texts, &EmbedOptions::default()).unwrap();
    embedder.engine().device().destroy();
    assert_eq!(embed(&mut embedder, texts, &EmbedOptions::default()).unwrap(), expected);
    assert_eq!(embedder.devices_replaced(), 1);
}
