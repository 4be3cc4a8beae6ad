//! Real and real-sized models: the trained all-MiniLM-L6-v2, and full-width random ones with planted outliers.

use std::path::{Path, PathBuf};

use npyz::NpyFile;
use serde_json::json;
use wembed::{BUILT_IN, Directory};
use wembed_kernels::Dtype;
use wembed_kernels::gpu::Options;
use wembed_model::EmbedOptions;
use wembed_tests::device::{TestEngine as _, best_cpu_ways, cpu_ways, open};
use wembed_tests::distance::{Bound, Distance, EXACT, ROUNDED_TO_F16, THREE_BF16, judge};
use wembed_tests::each_engine;
use wembed_tests::embedding::{embed, expected_vectors, load, options};
use wembed_tests::golden::{BuiltIn, Minilm, change_json, files, read};
use wembed_tests::shared;
use wembed_tests::skip::skip;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the repository").to_owned()
}

/// Against f64 on the same weights at the tight bound, and against the published weights unrounded.
#[test]
fn the_trained_minilm_gives_the_reference_vectors() {
    let directory = repository().join("models/all-MiniLM-L6-v2");
    if !directory.is_dir() {
        return skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let golden: Minilm = read("minilm.json");
    let (texts, published) = (&golden.expected.texts, &golden.expected.vectors);
    for dtype in [Dtype::F32, Dtype::F16] {
        let Some(engine) = open(Options { dtype, ..options() }) else { return };
        let mut embedder = load(engine, Directory::open(&directory).unwrap()).unwrap();
        let vectors = expected_vectors(&mut embedder, &golden.expected).unwrap();
        let held = if dtype == Dtype::F16 { &golden.vectors_f16 } else { published };
        let worst = judge(texts, &vectors, held, EXACT).unwrap_or_else(|fault| panic!("{dtype:?}: {fault}"));
        println!("MiniLM as {dtype:?}, against the weights it holds: {worst}");
        if dtype == Dtype::F16 {
            let worst = judge(texts, &vectors, published, ROUNDED_TO_F16).unwrap_or_else(|fault| panic!("{fault}"));
            println!("MiniLM as {dtype:?}, against the published weights: {worst}");
        }
    }
}

/// Its int8 are f16 exactly, so that an engine that holds f16 rounds nothing.
#[test]
fn the_built_in_model_gives_the_reference_vectors() {
    let golden = BuiltIn::read();
    let built_in = BUILT_IN.expect("the tests are built with it");
    let gpus = [(Dtype::F32, false), (Dtype::F16, false), (Dtype::Int8, false), (Dtype::Int8, true)];
    let gpus = gpus.map(|(dtype, dots)| Options { dtype, dots: Some(dots), ..options() });
    each_engine!(cpu_ways(), gpus, |way, open| {
        let engine = open();
        let bound = Bound::of(engine.held());
        let mut embedder = load(engine, built_in.open()).unwrap();
        let embeddings = embed(&mut embedder, &golden.texts, &EmbedOptions::default()).unwrap();
        let vectors: Vec<_> = embeddings.into_iter().map(|embedding| embedding.vector).collect();
        let worst = judge(&golden.texts, &vectors, &golden.vectors, bound);
        println!("wembed-mini, {way}: {}", worst.unwrap_or_else(|fault| panic!("{way}: {fault}")));
    });
}

/// The same on the processor, by each of its instruction sets.
#[test]
fn the_trained_minilm_gives_the_reference_vectors_on_the_processor() {
    let directory = repository().join("models/all-MiniLM-L6-v2");
    if !directory.is_dir() {
        return skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let golden: Minilm = read("minilm.json");
    let (texts, published) = (&golden.expected.texts, &golden.expected.vectors);
    for way in cpu_ways() {
        let engine = way.open_for_models();
        let dtype = engine.held();
        let mut embedder = load(engine, Directory::open(&directory).unwrap()).unwrap();
        let vectors = expected_vectors(&mut embedder, &golden.expected).unwrap();
        let held = if dtype == Dtype::F16 { &golden.vectors_f16 } else { published };
        let worst =
            judge(texts, &vectors, held, Bound::of(dtype)).unwrap_or_else(|fault| panic!("{}: {fault}", way.name));
        println!("MiniLM, {}: {worst}", way.name);
    }
}

/// On trained weights a mistake shows less than on the golden file's; the bound must still refuse it.
#[test]
fn the_trained_minilm_does_not_pass_with_a_mistake() {
    let directory = repository().join("models/all-MiniLM-L6-v2");
    if !directory.is_dir() {
        return skip("no models/all-MiniLM-L6-v2; scripts/fetch-minilm brings it");
    }
    let golden: Minilm = read("minilm.json");
    let texts = &golden.expected.texts[..12];
    each_engine!(best_cpu_ways(), [Options { dtype: Dtype::F32, ..options() }], |way, open| {
        for (key, value) in [("hidden_act", json!("gelu_new")), ("layer_norm_eps", json!(1e-5))] {
            let mut files = files(&directory);
            change_json(&mut files, "config.json", json!({ key: value }).as_object().expect("an object was written"));
            let mut embedder = load(open(), files).unwrap();
            let embeddings = embed(&mut embedder, texts, &EmbedOptions::default()).unwrap();
            let vectors: Vec<_> = embeddings.into_iter().map(|embedding| embedding.vector).collect();
            let verdict = judge(texts, &vectors, &golden.expected.vectors[..12], THREE_BF16);
            println!("refused as {way}: {key} {value}: {}", verdict.expect_err("a wrong model does not pass"));
        }
    });
}

/// Models whose planted outliers make even torch's own f32 stray: three times its error is allowed, and never less than the tight bound.
#[test]
fn models_of_full_width_give_the_reference_vectors() {
    let folder = repository().join("target/full-width");
    if shared::folder("no full-width models, which scripts/full-width-models makes").is_none() {
        return;
    }
    if !folder.join("key").is_file() {
        return skip("no full-width models; scripts/full-width-models makes them");
    }
    let texts = std::fs::read_to_string(repository().join("tests/full_width_texts.txt")).unwrap();
    let texts: Vec<String> = texts.lines().map(str::to_owned).collect();
    for name in ["mpnet-2", "xlm-roberta-2", "xlm-roberta-12"] {
        let reference = vectors(&folder.join(format!("{name}.f64.npy")));
        let torch = vectors(&folder.join(format!("{name}.f32.npy")));
        let strays = torch.iter().zip(&reference).map(|(row, reference)| {
            let row: Vec<f32> = row.iter().map(|&value| value as f32).collect();
            Distance::between(&row, reference)
        });
        let torch = strays.fold(Distance::default(), |worst, distance| Distance {
            angle: worst.angle.max(distance.angle),
            length: worst.length.max(distance.length),
        });
        let bound = |exact: Bound| Bound {
            angle: exact.angle.max(3.0 * torch.angle),
            length: exact.length.max(3.0 * torch.length),
        };
        each_engine!(|way, open| {
            let engine = open();
            let bound = bound(Bound::of(engine.held()));
            let mut embedder = load(engine, Directory::open(folder.join(name)).unwrap()).unwrap();
            let embeddings = embed(&mut embedder, &texts, &EmbedOptions::default()).unwrap();
            let found: Vec<_> = embeddings.into_iter().map(|embedding| embedding.vector).collect();
            let worst =
                judge(&texts, &found, &reference, bound).unwrap_or_else(|fault| panic!("{name}, {way}: {fault}"));
            println!("{name}, {way}: {worst}; torch in f32: {torch}");
        });
    }
}

/// The shared data is not everywhere: its absence is no failure, even where devices are required.
fn vectors(path: &Path) -> Vec<Vec<f64>> {
    let file = NpyFile::new(std::fs::File::open(path).unwrap()).unwrap();
    let (shape, double) = (file.shape().to_vec(), file.dtype().descr().contains("f8"));
    let values: Vec<f64> = if double {
        file.into_vec().unwrap()
    } else {
        file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect()
    };
    values.chunks_exact(shape[1] as usize).map(<[f64]>::to_vec).collect()
}
