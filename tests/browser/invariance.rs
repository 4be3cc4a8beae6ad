//! A text's vector is the same bits whatever else is in its batch, in whatever order, and wherever the word table lives.

use serde_json::{Value, json};
use wembed_tests::golden::{Golden, folder, read};

use crate::browser::{Job, run};
use crate::model::{Embeddings, Info, Tokens, embed};

/// The vectors of each call.
fn all(job: &Job) -> Option<Vec<Vec<Vec<u32>>>> {
    let done = run(job)?;
    assert_eq!(done.error, None);
    Some(done.results.iter().map(|outcome| outcome.get::<Embeddings>().unwrap().bits()).collect())
}

#[test]
fn alone_in_any_order_in_any_batch_and_wherever_the_word_table_lives() {
    let golden: Golden = read("golden.json");
    for (model, device) in golden.models[..3].iter().flat_map(|model| [(model, "gpu"), (model, "cpu")]) {
        // Every second text: of all lengths, in half the time.
        let texts: Vec<&String> = model.expected.texts.iter().step_by(2).collect();
        let texts = texts.as_slice();
        let reversed: Vec<_> = texts.iter().rev().collect();
        let beside_empty: Vec<&str> = texts.iter().flat_map(|text| [text.as_str(), ""]).collect();
        let mut job = Job::new(folder().join(&model.path));
        job.options = json!({ "device": device, "vocabulary": "device" });
        job.calls = vec![
            embed(texts, json!({})),
            embed(texts, json!({})),
            embed(texts, json!({ "batchTokens": 1 })),
            embed(texts, json!({ "batchTokens": 100 })),
            embed(&reversed, json!({})),
            embed(&beside_empty, json!({})),
        ];
        job.calls.extend(texts[..3].iter().map(|text| embed(&[text], json!({}))));
        let Some(found) = all(&job) else { return };
        let [together, again, single, small, backwards, beside, alone @ ..] = found.as_slice() else { unreachable!() };
        assert_eq!(together, again, "{}: twice", model.name);
        assert_eq!(together, single, "{}: one text a batch", model.name);
        assert_eq!(together, small, "{}: small batches", model.name);
        assert_eq!(*together, backwards.iter().rev().cloned().collect::<Vec<_>>(), "{}: the other order", model.name);
        assert_eq!(*together, beside.iter().step_by(2).cloned().collect::<Vec<_>>(), "{}: beside nothing", model.name);
        assert_eq!(together[..3], alone.concat(), "{}: alone", model.name);

        job.options = json!({ "device": device, "vocabulary": "host" });
        job.calls.truncate(1);
        let host = all(&job).expect("there was a browser").remove(0);
        assert_eq!(*together, host, "{}: the word table on the server", model.name);
    }
}

/// Calls that are made before others have answered wait for their turn.
#[test]
fn beside_other_calls() {
    let golden: Golden = read("golden.json");
    let model = &golden.models[0];
    let texts = &model.expected.texts[..8];
    let small = |texts| embed(texts, json!({ "batchTokens": 50 }));
    let calls =
        vec![small(texts), json!(["tokenize", texts[0]]), small(&texts[..4]), json!(["info"]), small(&texts[4..])];
    let Some(done) = run(&Job { calls, overlap: true, ..Job::new(folder().join(&model.path)) }) else { return };
    let bits = |index: usize| done.results[index].get::<Embeddings>().unwrap().bits();
    assert_eq!(bits(0), [bits(2), bits(4)].concat());
    assert_eq!(done.results[1].get::<Tokens>().unwrap().ids, model.expected.ids[0]);
    assert_eq!(done.results[3].get::<Info>().unwrap().devices_replaced, 0);
}

/// What is asked of the vectors is done after the encoder: a cut is a cut, and a normalised vector points the same way.
#[test]
fn cuts_and_lengths_are_what_is_asked_for() {
    let golden: Golden = read("golden.json");
    let model = &golden.models[0];
    let asked: [Value; 3] = [
        json!({ "normalize": false }),
        json!({ "normalize": false, "dimensions": 17 }),
        json!({ "normalize": true, "dimensions": 17 }),
    ];
    let calls = asked.map(|options| embed(&model.expected.texts[..8], options)).to_vec();
    let Some(found) = all(&Job { calls, ..Job::new(folder().join(&model.path)) }) else { return };
    for ((raw, cut), unit) in found[0].iter().zip(&found[1]).zip(&found[2]) {
        assert_eq!(raw[..17], cut[..]);
        let values = |bits: &[u32]| bits.iter().copied().map(f32::from_bits).collect::<Vec<_>>();
        let (cut, unit) = (values(cut), values(unit));
        let length = cut.iter().map(|value| value * value).sum::<f32>().sqrt();
        for (cut, unit) in cut.iter().zip(unit) {
            assert!((cut / length - unit).abs() <= 1e-6, "{cut} of length {length} is not {unit}");
        }
    }
}
