//! Requests at random times, with texts at random, some of whom go away: each that stays is answered once, with its own vectors, though the engine
//! fails now and then. The engine is a mock, on a thread as a real one is; the clock is paused, and goes on when a test says so.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    watch: Arc<Watch>,
}

/// What a test sees of the mock, and does to it.
#[derive(Default)]
struct Watch {
    calls: AtomicUsize,
    /// Texts that were computed.
    texts: AtomicUsize,
    /// Whether it waits before it answers.
    is_held: AtomicBool,
    /// Which device it is on.
    device: AtomicUsize,
    /// Whether it fails wherever a text of more than [`MANY`] tokens is.
    hates_long_texts: AtomicBool,
}

const MANY: usize = 40;

/// Calls that warming up takes at most.
const WARM: usize = 32;

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

    fn arithmetic(&self) -> String {
        format!("a mock's, number {}", self.watch.device.load(Ordering::SeqCst))
    }

    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn fingerprint(&self) -> anyhow::Result<[u8; 8]> {
        Ok([7; 8])
    }

    fn compute(&mut self, texts: Vec<Prepared>, _: &Job) -> anyhow::Result<Vec<Result<Embedding, Error>>> {
        let call = self.watch.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.watch.texts.fetch_add(texts.len(), Ordering::SeqCst);
        while self.watch.is_held.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.fails > 0 && call > WARM && call.is_multiple_of(self.fails) {
            assert!(!call.is_multiple_of(2), "a mock panics");
            anyhow::bail!("a mock fails");
        }
        if self.watch.hates_long_texts.load(Ordering::SeqCst) && texts.iter().any(|text| text.tokens() > MANY) {
            anyhow::bail!("a mock fails of a text");
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

fn app(fails: usize, watch: &Arc<Watch>, limits: Limits) -> Arc<App> {
    let (reader, watch) = (reader(), watch.clone());
    let load = Arc::new(move || {
        let mock = Mock { reader: reader.clone(), fails, watch: watch.clone() };
        Ok(Box::new(mock) as Box<dyn Computes>)
    });
    Arc::new(App::new(vec![Entry::new("mock".to_owned(), Vec::new(), None, load)], limits, Cache::new(1 << 14, None)))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
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
            (prop::collection::vec(0..200_u16, 0..30), any::<bool>(), prop::option::of(0..3_u64), 0..4_u64), 1..60,
        ),
        fails in prop_oneof![Just(0_usize), 3..9_usize],
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime starts");
        let app = app(fails, &Arc::default(), Limits::default());
        let outcomes = runtime.block_on(async {
            // A paused clock goes on by itself when all tasks wait, as they do for the engine's thread; not while something blocks.
            let (done, is_done) = std::sync::mpsc::channel::<()>();
            let blocking = tokio::task::spawn_blocking(move || is_done.recv().is_err());
            app.models.lease(None).await.map_err(|problem| problem.to_string())?;
            let began = tokio::time::Instant::now();
            let tasks: Vec<_> = requests.into_iter().map(|(texts, is_cut, gone, after)| {
                let app = app.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    one(&app, (texts, is_cut, gone)).await
                })
            }).collect();
            // Who comes has come by then, and who goes has gone.
            for _ in 0..8 {
                tokio::time::advance(Duration::from_millis(1)).await;
                tokio::task::yield_now().await;
            }
            for task in tasks {
                task.await.map_err(|error| error.to_string())??;
            }
            let passed = began.elapsed();
            app.models.end().await;
            drop(done);
            blocking.await.map_err(|error| error.to_string())?;
            Ok::<_, String>(passed)
        });
        // Nothing that was not asked for: no deadline has come.
        let outcomes = outcomes.map(|passed| passed.as_millis());
        prop_assert_eq!(outcomes, Ok(8));
    }
}

/// The same text is computed once, however many ask for it, and no more once it is known.
#[test]
fn a_text_is_computed_once() {
    let runtime = runtime();
    let watch = Arc::<Watch>::default();
    let app = app(0, &watch, Limits::default());
    runtime.block_on(async {
        app.models.lease(None).await.expect("it loads");
        let before = watch.calls.load(Ordering::SeqCst);
        let ask = || one(&app, (vec![1, 1, 1], false, None));
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert_eq!((first, second, third), (Ok(()), Ok(()), Ok(())));
        assert_eq!(ask().await, Ok(()));
        assert_eq!(watch.calls.load(Ordering::SeqCst), before + 1);
    });
}

/// An engine that fails again when it was opened anew fails those requests, and says so.
#[test]
fn an_engine_that_fails_twice_is_said() {
    let runtime = runtime();
    let watch = Arc::<Watch>::default();
    let app = app(1, &watch, Limits::default());
    runtime.block_on(async {
        app.models.lease(None).await.expect("it warms up");
        watch.calls.store(WARM, Ordering::SeqCst);
        let refused = one(&app, (vec![1], false, None)).await.expect_err("it fails");
        assert!(refused.starts_with("the engine failed: "), "{refused}");
    });
}

/// While the engine is busy a queue fills; then it refuses, says when to come again, and takes texts that it knows all the same.
#[test]
fn a_full_queue_refuses_what_it_does_not_know() {
    let runtime = runtime();
    let watch = Arc::<Watch>::default();
    let app = app(0, &watch, Limits { queue_tokens: 100, ..Limits::default() });
    runtime.block_on(async {
        assert_eq!(one(&app, (vec![1], false, None)).await, Ok(()));
        watch.is_held.store(true, Ordering::SeqCst);
        let ask = |texts: std::ops::Range<u16>| {
            let app = app.clone();
            tokio::spawn(async move { one(&app, (texts.collect(), false, None)).await })
        };
        // Warming up has computed some, too.
        let before = watch.texts.load(Ordering::SeqCst);
        let first = ask(10..11);
        until(|| watch.texts.load(Ordering::SeqCst) > before).await;
        let second = ask(20..60);
        until(|| app.models.queued().1 >= 100).await;
        let refused = one(&app, (vec![2], false, None)).await.expect_err("there is no room");
        assert!(refused.contains("the queue is full"), "{refused}");
        assert_eq!(one(&app, (vec![1], false, None)).await, Ok(()), "it is known");
        watch.is_held.store(false, Ordering::SeqCst);
        for asked in [first, second] {
            assert_eq!(asked.await.expect("no panic"), Ok(()));
        }
        assert_eq!(one(&app, (vec![2], false, None)).await, Ok(()));
    });
}

/// What nobody waits for any more is not computed.
#[test]
fn a_text_whose_client_has_gone_is_not_computed() {
    let runtime = runtime();
    let watch = Arc::<Watch>::default();
    let app = app(0, &watch, Limits::default());
    runtime.block_on(async {
        app.models.lease(None).await.expect("it loads");
        let before = watch.texts.load(Ordering::SeqCst);
        watch.is_held.store(true, Ordering::SeqCst);
        let its = app.clone();
        let first = tokio::spawn(async move { one(&its, (vec![1], false, None)).await });
        until(|| watch.texts.load(Ordering::SeqCst) > before).await;
        let its = app.clone();
        let gone = tokio::spawn(async move { one(&its, ((10..50).collect(), false, None)).await });
        until(|| app.models.queued().0 == 40).await;
        gone.abort();
        assert!(gone.await.is_err_and(|error| error.is_cancelled()));
        watch.is_held.store(false, Ordering::SeqCst);
        assert_eq!(first.await.expect("no panic"), Ok(()));
        assert_eq!(one(&app, (vec![2], false, None)).await, Ok(()));
        assert_eq!(watch.texts.load(Ordering::SeqCst), before + 2);
    });
}

/// A text that the engine always fails of costs its own request alone.
#[test]
fn a_text_at_fault_does_not_cost_its_neighbours() {
    let runtime = runtime();
    let watch = Arc::<Watch>::default();
    let app = app(0, &watch, Limits::default());
    runtime.block_on(async {
        app.models.lease(None).await.expect("it loads");
        let before = watch.texts.load(Ordering::SeqCst);
        watch.is_held.store(true, Ordering::SeqCst);
        watch.hates_long_texts.store(true, Ordering::SeqCst);
        let ask = |number: u16| {
            let app = app.clone();
            tokio::spawn(async move { one(&app, (vec![number], false, None)).await })
        };
        let first = ask(1);
        until(|| watch.texts.load(Ordering::SeqCst) > before).await;
        let others = [ask(2), ask(3)];
        let its = app.clone();
        let long = tokio::spawn(async move {
            let inputs = vec![Input::Text("word ".repeat(MANY))];
            its.embed(Ask { model: None, inputs, options: EmbedOptions::default() }).await.map(drop)
        });
        until(|| app.models.queued().0 == 3).await;
        watch.is_held.store(false, Ordering::SeqCst);
        for asked in others.into_iter().chain([first]) {
            assert_eq!(asked.await.expect("no panic"), Ok(()));
        }
        let failed = long.await.expect("no panic").expect_err("it fails");
        assert_eq!(failed, Problem::Engine("a mock fails of a text".to_owned()));
    });
}

/// Who has waited as long as may be is told so.
#[test]
fn a_request_has_a_deadline() {
    let runtime = runtime();
    let watch = Arc::<Watch>::default();
    let app = app(0, &watch, Limits { deadline: Duration::from_millis(100), ..Limits::default() });
    runtime.block_on(async {
        app.models.lease(None).await.expect("it loads");
        watch.is_held.store(true, Ordering::SeqCst);
        let late = one(&app, (vec![1], false, None)).await.expect_err("it is held");
        watch.is_held.store(false, Ordering::SeqCst);
        assert_eq!(late, "no vectors within 0.1 s");
        assert_eq!(one(&app, (vec![1], false, None)).await, Ok(()));
    });
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A device that was replaced by another one gives no vector under the first one's name: the request at hand fails, and the next has the model loaded anew.
#[test]
fn another_device_is_another_model() {
    let runtime = runtime();
    let watch = Arc::new(Watch::default());
    let app = app(0, &watch, Limits::default());
    runtime.block_on(async {
        one(&app, (vec![1], false, None)).await.expect("it is answered");
        let first = app.models.lease(None).await.expect("it is loaded").clone();
        watch.device.store(1, Ordering::SeqCst);
        let calls = watch.calls.load(Ordering::SeqCst);
        let failed = one(&app, (vec![2, 3, 4], false, None)).await.expect_err("another device computed it");
        assert!(failed.contains("the device is another one"), "{failed}");
        assert_eq!(watch.calls.load(Ordering::SeqCst), calls + 1, "nothing is tried again, nor text by text");
        one(&app, (vec![2], false, None)).await.expect("it is loaded anew");
        // What the first device computed is not taken for the second one's.
        let computed = watch.texts.load(Ordering::SeqCst);
        one(&app, (vec![1], false, None)).await.expect("it is computed");
        assert_eq!(watch.texts.load(Ordering::SeqCst), computed + 1);
        let second = app.models.lease(None).await.expect("it is loaded").clone();
        assert!(!Arc::ptr_eq(&first, &second));
    });
}
