//! A model in int8: linear layers rotated and rounded by what they will meet, the word table rounded row by row, the rest as it is.

mod feedback;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail, ensure};
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use indicatif::ProgressBar;
use safetensors::Dtype;
use serde_json::Value;
use wembed::{Directory, ModelFiles};
use wembed_kernels::cpu::{self, CpuEngine, Observer};
use wembed_kernels::{Piece, Rows as _, int8};
use wembed_model::{
    AnyEmbedder, AnyEngine, Config, Description, EmbedOptions, Files, LoadOptions, PackedForm, Tensors,
    encoder_tensors, rotated_config, rotated_scale_name, scale_name,
};

use self::feedback::{Feedback, Rounded};
use crate::agreement::{TEXTS, distance, vectors};
use crate::bench::written::WRITTEN;
use crate::model_folder::{Part, Writer, WrittenFile};
use crate::pack::rows::Table;
use crate::pack::seen::Seen;
use crate::source::named;

/// Inputs that are kept of each layer: enough to know which directions they share, few enough to be held, in f16, for all layers at once.
const INPUTS: usize = 2048;

/// How far vectors may be from the original's, as 1 - cosine.
const FURTHEST: f64 = 5e-3;

/// What became of it.
pub struct Quantized {
    /// Every file, by its path in the folder.
    pub files: BTreeMap<String, WrittenFile>,
    /// Matrices of linear layers.
    pub layers: usize,
    /// The largest 1 - cosine between vectors of the model in f32 and of its int8 form in int8.
    pub off: f64,
}

/// Writes `files`' model to the folder `to`, which is not there yet; then holds it to the original's vectors.
pub async fn quantize(files: ModelFiles, to: &Path, progress: &ProgressBar) -> anyhow::Result<Quantized> {
    let seen = Seen::new(&files);
    let original = vectors(&seen, wembed_kernels::Dtype::F32).await?;
    ensure!(
        original.iter().any(Option::is_some),
        "none of {} texts could be embedded: it cannot be held to anything",
        TEXTS.len()
    );
    let inputs = observe(&seen).await?;
    let (files, layers) = write(&seen, to, inputs, progress).await?;
    let found = vectors(Directory::open(to)?, wembed_kernels::Dtype::Int8).await.with_context(|| named(to))?;
    let off = original.iter().zip(&found).map(|(one, other)| distance(one, other)).fold(0.0, f64::max);
    ensure!(
        off <= FURTHEST,
        "its vectors are {off:.1e} from the original's, as 1 - cosine: expected at most {FURTHEST}"
    );
    Ok(Quantized { files, layers, off })
}

/// What linear layers are given: rows of `columns`, by the names of the weights that they meet.
#[derive(Default)]
struct Inputs(BTreeMap<String, Layer>);

struct Layer {
    columns: usize,
    rows: Vec<f16>,
}

impl Inputs {
    /// Takes rows until there are [`INPUTS`].
    fn hear(&mut self, name: &str, values: &[f32], columns: usize) {
        let layer = self.0.entry(name.to_owned()).or_insert_with(|| Layer { columns, rows: Vec::new() });
        let (filled, most) = (layer.rows.len(), INPUTS * columns);
        let taken = values.len().min(most - filled);
        layer.rows.resize(filled + taken, f16::ZERO);
        layer.rows[filled..].convert_from_f32_slice(&values[..taken]);
    }

    fn is_full(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|layer| layer.rows.len() >= INPUTS * layer.columns)
    }
}

impl Layer {
    /// The rows, rotated.
    fn rotated(&self) -> Vec<f32> {
        let mut rows = vec![0.0; self.rows.len()];
        self.rows.convert_to_f32_slice(&mut rows);
        // What f16 has no room for counts as the largest that it has.
        rows.iter_mut().for_each(|value| *value = value.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()));
        rows.chunks_exact_mut(self.columns).for_each(int8::rotate);
        rows
    }
}

/// Embeds texts as people write them and keeps what the layers were given.
async fn observe(files: impl Files) -> anyhow::Result<Inputs> {
    let inputs = Arc::new(Mutex::new(Inputs::default()));
    let heard = Arc::clone(&inputs);
    let observer = Observer::new(move |name, values, columns| {
        heard.lock().expect("nobody panics").hear(name, values, columns);
    });
    let options =
        cpu::Options { dtype: Some(wembed_kernels::Dtype::F32), observer: Some(observer), ..cpu::Options::default() };
    let engine = AnyEngine::Cpu(CpuEngine::open(options)?);
    let mut model = AnyEmbedder::load(engine, files, LoadOptions::default()).await?;
    for texts in WRITTEN.chunks(8) {
        // What a text that fails was to show, others do.
        model.embed(texts, &EmbedOptions::default()).await?;
        if inputs.lock().expect("nobody panics").is_full() {
            break;
        }
    }
    Ok(std::mem::take(&mut *inputs.lock().expect("nobody panics")))
}

async fn write(
    seen: &Seen<'_>,
    to: &Path,
    inputs: Inputs,
    progress: &ProgressBar,
) -> anyhow::Result<(BTreeMap<String, WrittenFile>, usize)> {
    let description = Description::read(&seen).await?;
    let config = &description.config;
    let encoder = &description.modules.encoder;
    let tensors = Tensors::open(&seen, encoder).await?;
    ensure!(tensors.metadata(PackedForm::KEY).is_none(), "it is packed: expected the model that it was packed from");
    // Weights with the same input are one matrix to an engine; a dense layer's lies in another folder, and stays as it is.
    let layers = inputs.0.iter().map(|(names, layer)| (names.split(" + ").collect::<Vec<_>>(), layer));
    let layers: Vec<_> = layers.filter(|(names, _)| names.iter().all(|name| tensors.contains(name))).collect();
    let rounded = || layers.iter().flat_map(|(names, _)| names);
    let others = rounded().flat_map(|name| [(*name).to_owned(), scale_name(name), rotated_scale_name(name)]).collect();
    let mut parts = kept(&tensors, config, &others).await?;
    add_words(&tensors, config, &mut parts).await?;
    let work = |layer: &Layer| (layer.columns * layer.columns) as u64;
    progress.set_length(layers.iter().map(|(_, layer)| work(layer)).sum());
    for (names, layer) in &layers {
        let feedback = Feedback::of(&layer.rotated(), layer.columns);
        for name in names {
            add_layer(&tensors, name, layer.columns, &feedback, &mut parts).await?;
        }
        progress.inc(work(layer));
    }
    let weights: Vec<String> = tensors.iter().map(|tensor| tensor.path().to_owned()).collect();
    let mut writer = Writer { to, files: BTreeMap::new() };
    let config_path = Path::new(encoder).join("config.json").to_string_lossy().into_owned();
    for path in seen.paths().iter().filter(|&path| !weights.contains(path) && !path.ends_with(".index.json")) {
        let bytes = seen.whole(path)?;
        writer.write(path, &if *path == config_path { with_quantization(&bytes)? } else { bytes })?;
    }
    writer.tensors(&Path::new(encoder).join("model.safetensors").to_string_lossy(), parts, None)?;
    Ok((writer.files, rounded().count()))
}

/// The encoder's tensors but `others`, as they are, under their whole names.
async fn kept<F: Files>(
    tensors: &Tensors<'_, F>,
    config: &Config,
    others: &BTreeSet<String>,
) -> anyhow::Result<BTreeMap<String, Part>> {
    let mut parts = BTreeMap::new();
    for (_, tensor) in encoder_tensors(config, tensors).filter(|(_, tensor)| !others.contains(tensor.name())) {
        let bytes = tensors.bytes(tensor).await?;
        parts.insert(tensor.name().to_owned(), Part::in_half(tensor.dtype(), tensor.shape(), bytes));
    }
    Ok(parts)
}

/// The word table, each row with a scale.
async fn add_words<F: Files>(
    tensors: &Tensors<'_, F>,
    config: &Config,
    parts: &mut BTreeMap<String, Part>,
) -> anyhow::Result<()> {
    let table = Table::read(tensors, config, true).await?;
    let rows: Vec<u32> = (0..config.vocabulary_size as u32).collect();
    let (bytes, scales) = table.of(&rows);
    let shape = vec![rows.len(), table.columns];
    if let Some(bytes) = scales {
        parts.insert(scale_name(&table.name), Part { dtype: Dtype::F32, shape: vec![rows.len(), 1], bytes });
    }
    parts.insert(table.name, Part { dtype: table.dtype, shape, bytes });
    Ok(())
}

/// A linear layer's weight.
async fn add_layer<F: Files>(
    tensors: &Tensors<'_, F>,
    name: &str,
    columns: usize,
    feedback: &Feedback,
    parts: &mut BTreeMap<String, Part>,
) -> anyhow::Result<()> {
    let shape = tensors.iter().find(|tensor| tensor.name() == name).map(|tensor| tensor.shape());
    let Some(&[outputs, width]) = shape else { bail!("tensor `{name}`: expected a matrix") };
    let (mut rows, mut values, mut row) = (Vec::new(), Vec::new(), vec![0.0; columns]);
    let mut source = tensors.rows(&[name], outputs, width).await?;
    while let Some(Piece { bytes, stored }) = source.next().await? {
        values.clear();
        stored.widen(bytes, &mut values);
        for found in values.chunks_exact(width) {
            row[..width].copy_from_slice(found);
            row[width..].fill(0.0);
            int8::rotate(&mut row);
            rows.extend_from_slice(&row);
        }
    }
    if let Some(at) = rows.iter().position(|value| !value.is_finite()) {
        bail!("tensor `{name}`, row {}: expected finite numbers, found {}", at / columns, rows[at]);
    }
    let Rounded { integers, scales } = feedback.round(&rows);
    let bytes = integers.into_iter().map(i8::cast_unsigned).collect();
    parts.insert(name.to_owned(), Part { dtype: Dtype::I8, shape: vec![outputs, columns], bytes });
    let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    parts.insert(rotated_scale_name(name), Part { dtype: Dtype::F32, shape: vec![outputs, 1], bytes });
    Ok(())
}

/// config.json, which says of which kind the numbers are.
fn with_quantization(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut config: Value = serde_json::from_slice(bytes).context("config.json")?;
    let Some(object) = config.as_object_mut() else { bail!("config.json: expected an object") };
    object.insert("quantization_config".to_owned(), rotated_config());
    Ok(format!("{config:#}\n").into_bytes())
}
