//! A model in the form that the web is served: its encoder in half precision, and its word table in packs.

pub mod languages;
mod plan;
pub mod rows;
pub mod seen;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, ensure};
use safetensors::tensor::Dtype;
use serde::Serialize;
use wembed_model::{Description, PackedForm, Tensors, compact_json, encoder_tensors, scale_name};

use self::languages::LanguageTexts;
use self::plan::{Planned, plan};
use self::rows::Table;
use self::seen::Seen;
use crate::agreement::{TEXTS, distance, vectors};
use crate::model_folder::{Part, Writer, WrittenFile};
use crate::source::named;
use wembed::{Directory, ModelFiles};

/// The file that lists a packed model's files and packs, for who loads it over a network.
pub const LIST: &str = "pack.json";

/// What [`LIST`] says.
#[derive(Debug, Serialize)]
pub struct PackedModel {
    /// The form's version.
    wembed_pack: u32,
    /// Every other file, by its path in the model's folder.
    pub files: BTreeMap<String, WrittenFile>,
    /// The packs, in the order of their numbers.
    pub packs: Vec<Pack>,
}

/// Some rows of the word table, in a file of their own, and who needs them.
#[derive(Debug, Serialize)]
pub struct Pack {
    /// The file's path.
    pub file: String,
    /// How many rows.
    pub rows: usize,
    /// The script of their tokens as ISO 15924 names it; `Zyyy` for what all of them need.
    script: String,
    /// The language, as BCP 47 names it, whose texts alone need them.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// Whether texts seldom need them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rest: bool,
}

/// How a model is packed.
pub struct Options {
    /// Whether rows of floats become int8.
    pub int8: bool,
    /// Bytes of a pack at most.
    pub pack_bytes: usize,
    /// What texts need.
    pub texts: Vec<LanguageTexts>,
}

/// What became of it.
pub struct Packed {
    pub model: PackedModel,
    /// The largest 1 - cosine between vectors of the model and of its packed form.
    pub off: f64,
}

/// How far vectors may be from the original's, as 1 - cosine: further than rounding takes any model that was seen, tiny ones with random weights included.
const FURTHEST: f64 = 5e-3;

/// Writes `files`' model to the folder `to`, which is not there yet; then holds it to the original's vectors.
pub async fn pack(files: ModelFiles, to: &Path, options: &Options) -> anyhow::Result<Packed> {
    let seen = Seen::new(&files);
    let original = vectors(&seen, wembed_kernels::Dtype::F32).await?;
    let model = write(&seen, to, options).await?;
    let packed = vectors(Directory::open(to)?, wembed_kernels::Dtype::F32).await.with_context(|| named(to))?;
    let off = original.iter().zip(&packed).map(|(one, other)| distance(one, other)).fold(0.0, f64::max);
    ensure!(
        original.iter().any(Option::is_some),
        "none of {} texts could be embedded: it cannot be held to anything",
        TEXTS.len()
    );
    ensure!(
        off <= FURTHEST,
        "its vectors are {off:.1e} from the original's, as 1 - cosine: expected at most {FURTHEST}"
    );
    Ok(Packed { model, off })
}

async fn write(seen: &Seen<'_>, to: &Path, options: &Options) -> anyhow::Result<PackedModel> {
    let description = Description::read(&seen).await?;
    let config = &description.config;
    let tensors = Tensors::open(&seen, &description.modules.encoder).await?;
    ensure!(tensors.metadata(PackedForm::KEY).is_none(), "it is packed already");
    let table = Table::read(&tensors, config, options.int8).await?;
    let tokenizer = description.tokenizer(&seen).await?;
    let scripts = languages::scripts(&tokenizer, config.vocabulary_size);
    let mut counted = Vec::new();
    for texts in &options.texts {
        counted.push(languages::count(&tokenizer, config.vocabulary_size, texts)?);
    }
    let planned = plan(&scripts, &counted, (options.pack_bytes / table.row_bytes()).max(1))?;

    let weights: Vec<String> = tensors.iter().map(|tensor| tensor.path().to_owned()).collect();
    let mut writer = Writer { to, files: BTreeMap::new() };
    // The index of a checkpoint in several files is of no use beside one.
    for path in seen.paths().iter().filter(|&path| !weights.contains(path) && !path.ends_with(".index.json")) {
        let bytes = seen.whole(path)?;
        writer.write(path, &if path.ends_with(".json") { compact_json(&bytes) } else { bytes })?;
    }
    let mut encoder = BTreeMap::new();
    for (name, tensor) in encoder_tensors(config, &tensors) {
        let bytes = tensors.bytes(tensor).await?;
        encoder.insert(name.to_owned(), Part::in_half(tensor.dtype(), tensor.shape(), bytes));
    }
    let name = format!("{}.weight", config.architecture.names.words);
    encoder.insert(format!("{name}{}", PackedForm::INDEX_ENDING), index(&planned, config.vocabulary_size));
    let mut packs = Vec::new();
    for Planned { name: pack, script, language, rest, rows } in planned {
        let file = format!("vocabulary/{pack}.safetensors");
        let (bytes, scales) = table.of(&rows);
        let shape = vec![rows.len(), table.columns];
        let mut parts = BTreeMap::from([(name.clone(), Part { dtype: table.dtype, shape, bytes })]);
        if let Some(bytes) = scales {
            parts.insert(scale_name(&name), Part { dtype: Dtype::F32, shape: vec![rows.len(), 1], bytes });
        }
        writer.tensors(&file, parts, None)?;
        packs.push(Pack { file, rows: rows.len(), script, language, rest });
    }
    // One entry, since a map's are in no order, and the same model is to have the same bytes.
    let form = PackedForm::write(&table.dtype.to_string(), packs.iter().map(|pack| pack.file.as_str()));
    let metadata = HashMap::from([(PackedForm::KEY.to_owned(), form)]);
    let encoder_file = Path::new(&description.modules.encoder).join("model.safetensors");
    writer.tensors(&encoder_file.to_string_lossy(), encoder, Some(metadata))?;
    let model = PackedModel { wembed_pack: 1, files: std::mem::take(&mut writer.files), packs };
    writer.write(LIST, format!("{}\n", serde_json::to_string_pretty(&model)?).as_bytes())?;
    Ok(model)
}

/// Each row's pack.
fn index(planned: &[Planned], rows: usize) -> Part {
    let mut bytes = vec![0; rows];
    for (pack, planned) in planned.iter().enumerate() {
        planned.rows.iter().for_each(|&row| bytes[row as usize] = pack as u8);
    }
    Part { dtype: Dtype::U8, shape: vec![rows], bytes }
}
