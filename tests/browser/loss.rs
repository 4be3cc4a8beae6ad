//! A device that is lost in the middle, by a real `destroy()`: replaced once, and the vectors are the same bits.

use serde_json::json;
use wembed_tests::golden::{Golden, folder, read};

use crate::browser::{Job, run};
use crate::model::{Embeddings, Info, embed};

/// A job whose worker can lose its device.
fn losing(calls: Vec<serde_json::Value>) -> Job {
    let golden: Golden = read("golden.json");
    let options = json!({ "device": "gpu" });
    Job { worker: Some("/test/losing-worker.mjs"), options, calls, ..Job::new(folder().join(&golden.models[0].path)) }
}

fn texts() -> Vec<String> {
    read::<Golden>("golden.json").models.swap_remove(0).expected.texts
}

/// Right after a batch was submitted, and while its vectors are waited for; the first batch, and one in the middle.
#[test]
fn a_device_destroyed_in_the_middle_of_a_batch_is_replaced() {
    for method in ["submit", "mapAsync"] {
        for after in [1, 3] {
            // Small batches: there is always another one on the device.
            let small = embed(&texts(), json!({ "batchTokens": 100 }));
            let lose = json!(["lose", { "method": method, "after": after, "times": 1 }]);
            let Some(done) = run(&losing(vec![small.clone(), lose, small.clone(), json!(["info"]), small])) else {
                return;
            };
            assert_eq!(done.error, None);
            let [before, _, during, info, afterwards] = done.results.as_slice() else { unreachable!() };
            let bits = |outcome: &crate::browser::Outcome| outcome.get::<Embeddings>().unwrap().bits();
            assert_eq!(bits(before), bits(during), "{method} {after}: the same bits after the loss");
            assert_eq!(info.get::<Info>().unwrap().devices_replaced, 1, "{method} {after}: one loss, one replacement");
            assert_eq!(bits(before), bits(afterwards));
        }
    }
}

/// A second loss in the same batch is an error that says so; the next call begins anew.
#[test]
fn a_device_lost_twice_is_an_error() {
    let three = embed(&texts()[..3], json!({}));
    let lose = json!(["lose", { "method": "mapAsync", "after": 1, "times": 2 }]);
    let Some(done) = run(&losing(vec![three.clone(), lose, three.clone(), three])) else { return };
    assert_eq!(done.error, None);
    let [before, _, during, afterwards] = done.results.as_slice() else { unreachable!() };
    let message = during.get::<Embeddings>().unwrap_err();
    assert!(message.contains("the device was lost"), "{message}");
    assert_eq!(before.get::<Embeddings>().unwrap().bits(), afterwards.get::<Embeddings>().unwrap().bits());
}
