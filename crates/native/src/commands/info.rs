//! `wembed info`: what a model's files say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use indicatif::{DecimalBytes, HumanCount};
use pollster::block_on;
use serde_json::{Value, json};
use wembed::ModelFiles;
use wembed_model::{Description, Error, Files as _, PackedForm, Step, Tensors, pooling_name};

use crate::answer::Form;
use crate::destination::Destination;
use crate::source::{Source, chosen, named};
use crate::table::{beginning, table};

/// Say what a model is
///
/// Reads the model's small files and the headers of its weights; needs no GPU.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The model's directory, or its name on the Hugging Face hub [default: wembed-mini, which is in this program]
    #[arg(value_name = "MODEL", env = "WEMBED_MODEL")]
    model: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
}

/// What the headers of the weights say.
#[derive(Default)]
struct Weights {
    parameters: usize,
    dtypes: BTreeSet<String>,
    /// Bytes by file.
    files: BTreeMap<String, u64>,
}

/// Describes the model.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let model = chosen(arguments.model.as_deref())?;
    let files = arguments.source.open(model)?;
    let read = async {
        let description = Description::read(&files).await?;
        let weights = Weights::read(&files, &description).await?;
        Ok::<_, Error>((description, weights))
    };
    let (description, weights) = block_on(read).with_context(|| named(model))?;
    let answer = match arguments.format {
        Form::Text => readable(&description, &weights),
        Form::Json => format!("{:#}\n", object(&description, &weights)),
    };
    Destination::standard_output().print(&answer)
}

impl Weights {
    async fn read(files: &ModelFiles, description: &Description) -> Result<Self, Error> {
        let mut weights = Self::default();
        let dense = description.modules.steps.iter().filter_map(|step| match step {
            Step::Dense(dense) => Some(&dense.folder),
            Step::Normalize => None,
        });
        for folder in std::iter::once(&description.modules.encoder).chain(dense) {
            let tensors = Tensors::open(files, folder).await?;
            weights.add(&tensors);
            for pack in PackedForm::files(&tensors) {
                weights.add(&Tensors::of_file(files, pack).await?);
            }
        }
        for (path, bytes) in &mut weights.files {
            // Its header was read a moment ago.
            *bytes = files.size(path).await.ok().flatten().unwrap_or_default();
        }
        Ok(weights)
    }

    fn add(&mut self, tensors: &Tensors<'_, ModelFiles>) {
        for tensor in tensors.iter() {
            self.files.entry(tensor.path().to_owned()).or_default();
            let dtype = tensor.dtype().to_string();
            // Old checkpoints keep the numbers 0, 1, 2, ... of their positions, packed ones each row's pack; scales are part of the numbers
            // that they scale.
            if dtype != "I64" && dtype != "U8" && !tensors.is_scale(tensor) {
                self.parameters += tensor.elements();
                self.dtypes.insert(dtype);
            }
        }
    }

    fn dtypes(&self) -> String {
        self.dtypes.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn steps(description: &Description) -> Vec<String> {
    let step = |step: &Step| match step {
        Step::Dense(dense) => format!("dense {} -> {}, {:?}", dense.inputs, dense.outputs, dense.activation),
        Step::Normalize => "normalize".to_owned(),
    };
    description.modules.steps.iter().map(step).collect()
}

fn pooling(description: &Description) -> Vec<&'static str> {
    description.modules.pooling.iter().map(|&mode| pooling_name(mode)).collect()
}

/// Characters of a prompt that are shown.
const SHOWN: usize = 60;

fn readable(description: &Description, weights: &Weights) -> String {
    let config = &description.config;
    let head_width = config.hidden_size / config.heads;
    let mut modules = vec![format!("{} pooling", pooling(description).join(" + "))];
    modules.extend(steps(description));
    let cased = if description.lowercase { ", lowercased" } else { "" };
    let normalized = if description.normalizes() { ", of length 1" } else { ", not normalized" };
    let length = format!("{} tokens of {} that the positions allow", description.max_length, config.usable_positions());
    let mut rows = vec![
        ("architecture", config.architecture.model_type.to_owned()),
        ("layers", config.layers.to_string()),
        ("hidden size", format!("{}: {} heads of {head_width}", config.hidden_size, config.heads)),
        ("feed-forward", format!("{}, {:?}", config.intermediate_size, config.activation)),
        ("vocabulary", format!("{} tokens{cased}", config.vocabulary_size)),
        ("text length", length),
        ("after the encoder", modules.join("; ")),
        ("vectors", format!("{} dimensions{normalized}", description.dimensions)),
        ("similarity", description.similarity.name().to_owned()),
    ];
    for (name, text) in &description.prompts {
        let usual =
            if description.default_prompt.as_ref() == Some(name) { ", used where none is asked for" } else { "" };
        rows.push(("prompt", format!("{name}: {:?}{usual}", beginning(text, SHOWN))));
    }
    rows.push(("weights", format!("{}, {}", HumanCount(weights.parameters as u64), weights.dtypes())));
    for (path, &bytes) in &weights.files {
        rows.push(("file", format!("{path}, {}", DecimalBytes(bytes))));
    }
    table(&[], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect(), [])
}

fn object(description: &Description, weights: &Weights) -> Value {
    let config = &description.config;
    json!({
        "architecture": config.architecture.model_type,
        "layers": config.layers,
        "hidden_size": config.hidden_size,
        "heads": config.heads,
        "intermediate_size": config.intermediate_size,
        "activation": format!("{:?}", config.activation),
        "vocabulary_size": config.vocabulary_size,
        "lowercase": description.lowercase,
        "max_length": description.max_length,
        "usable_positions": config.usable_positions(),
        "pooling": pooling(description),
        "steps": steps(description),
        "dimensions": description.dimensions,
        "normalizes": description.normalizes(),
        "similarity": description.similarity.name(),
        "prompts": description.prompts,
        "default_prompt": description.default_prompt,
        "parameters": weights.parameters,
        "dtypes": weights.dtypes,
        "files": weights.files,
    })
}
