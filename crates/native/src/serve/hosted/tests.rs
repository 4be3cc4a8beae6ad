//! Requests at random times, with texts at random, some of whom go away: each that stays is answered once, with its own vectors, though the engine
//! fails now and then. The engine is a mock, on a thread as a real one is.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use pollster::block_on;
use proptest::prelude::*;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_model::{AnyEngine, Embedding, Error, LoadOptions};

use super::*;
use crate::serve::app::{App, Ask, Limits};
use crate::serve::models::Entry;
use crate::{Directory, ModelFiles};

/// An engine whose vectors say which text they are of.
struct Mock {
    reader: Arc<Reader>,
    /// One in so many batches fails; none where it is 0.
    fails: usize,
    calls: Arc<AtomicUsize>,
}

/// Calls that warming up takes at most.
const WARM: usize = 8;

/// What the mock makes of a text.
fn vector_of(prepared: &Prepared) -> Vec<f32> {
    // The ids are not to be seen from here, but how they are shown is theirs alone.
    let shown = format!("{prepared:?}");
    let sum =
        |salt: u32| shown.bytes().fold(salt, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 100_003;
    [1, 2, 3].map(|salt| sum(salt) as f32 + 1.0).to_vec()
}

impl Computes for Mock {
    fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    fn device(&self) -> String {
        "a mock".to_owned()
    }

    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn fingerprint(&self) -> anyhow::Result<[u8; 8]> {
        Ok([7; 8])
    }

    fn compute(&mut self, texts: Vec<Prepared>, _: &Job) -> anyhow::Result<Vec<Result<Embedding, Error>>> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails > 0 && call > WARM && call.is_multiple_of(self.fails) {
            assert!(!call.is_multiple_of(2), "a mock panics");
            anyhow::bail!("a mock fails");
        }
        let embedding = |text: &Prepared| Embedding {
            vector: vector_of(text),
            tokens: text.tokens(),
            truncated: false,
            windows: 1,
        };
        Ok(texts.iter().map(|text| Ok(embedding(text))).collect())
    }
}

fn reader() -> Arc<Reader> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/models/mpnet");
    let files = ModelFiles::Directory(Directory::open(golden).expect("the model is in the repository"));
    let engine = AnyEngine::Cpu(CpuEngine::open(cpu::Options::default()).expect("there is a processor"));
    block_on(Model::load(engine, files, LoadOptions::default())).expect("the model loads").reader().clone()
}

fn app(fails: usize, calls: &Arc<AtomicUsize>, limits: Limits) -> Arc<App> {
    let (reader, calls) = (reader(), calls.clone());
    let load = Arc::new(move || {
        let mock = Mock { reader: reader.clone(), fails, calls: calls.clone() };
        Ok(Box::new(mock) as Box<dyn Computes>)
    });
    Arc::new(App::new(vec![Entry::new("mock".to_owned(), Vec::new(), None, load)], limits, Cache::new(1 << 14, None)))
}

/// A request: its texts by number, whether it asks for other vectors, and after how many milliseconds its client goes.
type Wanted = (Vec<u16>, bool, Option<u64>);

async fn one(app: &App, (texts, is_cut, gone): Wanted) -> Result<(), String> {
    let texts: Vec<String> = texts.iter().map(|number| format!("text {number} of {}", number % 7)).collect();
    let mut options = EmbedOptions::default();
    options.finish.dimensions = is_cut.then_some(3);
    let inputs = texts.iter().cloned().map(Input::Text).collect();
    let asking = app.embed(Ask { model: None, inputs, options: options.clone() });
    let answer = match gone {
        Some(milliseconds) => match tokio::time::timeout(Duration::from_millis(milliseconds), asking).await {
            Ok(answer) => answer,
            Err(_) => return Ok(()),
        },
        None => asking.await,
    };
    let answer = answer.map_err(|problem| problem.to_string())?;
    let job = answer.model.reader.job(&options).map_err(|error| error.to_string())?;
    let expected = answer.model.reader.prepare(&texts, &job);
    if answer.outcomes.len() != texts.len() {
        return Err(format!("{} answers for {} texts", answer.outcomes.len(), texts.len()));
    }
    for ((outcome, expected), text) in answer.outcomes.iter().zip(expected).zip(&texts) {
        let expected = vector_of(&expected.map_err(|error| error.to_string())?);
        if outcome.as_ref().map(|vector| &*vector.values) != Ok(&expected[..]) {
            return Err(format!("{text:?}: expected {expected:?}, found {outcome:?}"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_answered_once_and_rightly(
        requests in prop::collection::vec(
            (prop::collection::vec(0..200_u16, 0..30), any::<bool>(), prop::option::of(0..3_u64)), 1..60,
        ),
        fails in prop_oneof![Just(0_usize), 3..9_usize],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let app = app(fails, &Arc::default(), Limits::default());
        let outcomes = runtime.block_on(async {
            app.models.lease(None).await.map_err(|problem| problem.to_string())?;
            let tasks: Vec<_> = requests.into_iter().map(|wanted| {
                let app = app.clone();
                tokio::spawn(async move { one(&app, wanted).await })
            }).collect();
            for task in tasks {
                task.await.map_err(|error| error.to_string())??;
            }
            app.models.end().await;
            Ok::<_, String>(())
        });
        prop_assert_eq!(outcomes, Ok(()));
    }
}

/// The same text is computed once, however many ask for it, and no more once it is known.
#[test]
fn a_text_is_computed_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let calls = Arc::<AtomicUsize>::default();
    let app = app(0, &calls, Limits::default());
    runtime.block_on(async {
        app.models.lease(None).await.expect("it loads");
        let before = calls.load(Ordering::SeqCst);
        let ask = || one(&app, (vec![1, 1, 1], false, None));
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert_eq!((first, second, third), (Ok(()), Ok(()), Ok(())));
        assert_eq!(ask().await, Ok(()));
        assert_eq!(calls.load(Ordering::SeqCst), before + 1);
    });
}

/// An engine that fails again when it was opened anew fails those requests, and says so.
#[test]
fn an_engine_that_fails_twice_is_said() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let calls = Arc::<AtomicUsize>::default();
    let app = app(1, &calls, Limits::default());
    runtime.block_on(async {
        app.models.lease(None).await.expect("it warms up");
        calls.store(WARM, Ordering::SeqCst);
        let refused = one(&app, (vec![1], false, None)).await.expect_err("it fails");
        assert!(refused.starts_with("the engine failed: "), "{refused}");
    });
}

/// What is full says when there is room.
#[test]
fn a_full_queue_refuses() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let app = app(0, &Arc::default(), Limits { queue_tokens: 0, ..Limits::default() });
    runtime.block_on(async {
        let refused = one(&app, (vec![1], false, None)).await.expect_err("there is no room");
        assert!(refused.contains("the queue is full"), "{refused}");
    });
}
