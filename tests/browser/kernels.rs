//! Every variant of the kernels that a browser may take: the reference's vectors, and no bit that shows which it was.

use serde_json::{Value, json};
use wembed_kernels::gpu::variants;
use wembed_tests::distance::{EXACT, judge};
use wembed_tests::golden::{Golden, folder, read};

use crate::browser::{Job, run};
use crate::model::{Embeddings, Info, embed};

#[test]
fn whichever_kernels_are_taken_the_bits_are_the_same() {
    let golden: Golden = read("golden.json");
    let model = golden.models.iter().find(|model| model.name == "mpnet").expect("it is there");
    let expected = &model.expected;
    let embedded = |options: Value| {
        let mut job = Job::new(folder().join(&model.path));
        job.options = options;
        job.calls = vec![json!(["info"]), embed(&expected.texts, json!({}))];
        let done = run(&job)?;
        let info: Info = done.results[0].get().expect("a model");
        let embeddings: Embeddings = done.results[1].get().expect("vectors");
        judge(&expected.texts, &embeddings.vectors(), &expected.vectors, EXACT).expect("the reference's vectors");
        Some((info.kernels, embeddings.bits()))
    };
    let Some((none, usual)) = embedded(json!({ "device": "gpu" })) else { return };
    assert_eq!(none, [Value::Null; 0], "nothing is tried unasked");

    let (tuned, bits) = embedded(json!({ "device": "gpu", "tune": true })).expect("it ran before");
    assert!(tuned.len() >= 3 && bits == usual, "{tuned:?}");
    let (kept, bits) = embedded(json!({ "device": "gpu", "kernels": tuned })).expect("it ran before");
    assert!(kept == tuned && bits == usual, "{kept:?}");

    let (kept, bits) = embedded(json!({ "device": "gpu", "kernels": tuned, "tune": true })).expect("it ran before");
    assert!(kept == tuned && bits == usual, "nothing is tried again: {kept:?}");

    let by = |name: &str| -> Vec<Value> {
        let only =
            |plan: &Value| json!({ "depth": plan["depth"], "columns": plan["columns"], "variants": [[null, name]] });
        tuned.iter().map(only).collect()
    };
    for variant in variants() {
        let plans = by(variant);
        let (taken, bits) = embedded(json!({ "device": "gpu", "kernels": plans })).expect("it ran before");
        assert!(taken == plans, "{variant}: {taken:?}");
        assert!(bits == usual, "{variant}");
    }
    // Of another version, or of a device with more than a browser has.
    for variant in ["abacus", "shuffle", "matrix16"] {
        let (taken, bits) = embedded(json!({ "device": "gpu", "kernels": by(variant) })).expect("it ran before");
        assert!(taken.is_empty() && bits == usual, "{variant}: {taken:?}");
    }
}
