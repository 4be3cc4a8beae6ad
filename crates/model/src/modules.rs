//! What comes after the encoder: sentence-transformers' modules, in the old layout and the new.

use serde::Deserialize;
use serde::de::IgnoredAny;
use wembed_kernels::{Activation, Pooling};

use crate::files::{Files, join, read_json};
use crate::{Error, pooling};

/// A model's modules, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Modules {
    /// The folder of the encoder and its tokenizer; empty where that is the top.
    pub encoder: String,
    /// The modes that stand side by side in the pooled vector.
    pub pooling: Vec<Pooling>,
    /// Whether a prompt's tokens are pooled as well.
    pub include_prompt: bool,
    /// What is done to the pooled vector.
    pub steps: Vec<Step>,
}

/// A module after pooling.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A linear layer with an activation.
    Dense(Dense),
    /// L2 normalisation.
    Normalize,
}

/// A Dense module's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Its folder.
    pub folder: String,
    /// Width in.
    pub inputs: usize,
    /// Width out.
    pub outputs: usize,
    /// Whether it has a bias.
    pub bias: bool,
    /// Applied to the sum.
    pub activation: Activation,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object", deny_unknown_fields)]
struct ModuleEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    /// Options of a call that the module wants to see; those of this crate have none.
    #[serde(default)]
    kwargs: Vec<String>,
    #[expect(dead_code, reason = "known, and without meaning")]
    idx: Option<IgnoredAny>,
    #[expect(dead_code, reason = "known, and without meaning")]
    name: Option<IgnoredAny>,
}

impl Modules {
    /// Reads `modules.json` and every module's own configuration. Without one, as sentence-transformers does: an encoder and mean pooling.
    ///
    /// # Errors
    /// Where a module, a key's value or the order of modules is not known; where the widths do not fit.
    pub async fn read(files: &impl Files) -> Result<Self, Error> {
        const PATH: &str = "modules.json";
        let mean = vec![Pooling::Mean];
        let mut modules = Self { encoder: String::new(), pooling: mean, include_prompt: true, steps: Vec::new() };
        let Some(entries) = read_json::<Vec<ModuleEntry>>(files, PATH).await? else {
            return Ok(modules);
        };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(option) = entry.kwargs.first() {
                return Err(Error::unknown(PATH, &format!("[{index}].kwargs"), "none", option));
            }
            let key = format!("[{index}].type");
            // Old: sentence_transformers.models.Pooling. New: sentence_transformers.sentence_transformer.modules.pooling.Pooling.
            let name = entry.kind.strip_prefix("sentence_transformers.").and_then(|rest| rest.rsplit('.').next());
            match (index, name) {
                (0, Some("Transformer")) => modules.encoder = entry.path.clone(),
                (1, Some("Pooling")) => {
                    (modules.pooling, modules.include_prompt) = pooling::read(files, &entry.path).await?;
                }
                // It is for training.
                (2.., Some("Dropout")) => {}
                (2.., Some("Dense")) => modules.steps.push(Step::Dense(read_dense(files, &entry.path).await?)),
                (2.., Some("Normalize")) => {
                    check_normalize(files, &entry.path).await?;
                    modules.steps.push(Step::Normalize);
                }
                (0, _) => return Err(Error::unknown(PATH, &key, "a Transformer module first", &entry.kind)),
                (1, _) => return Err(Error::unknown(PATH, &key, "a Pooling module second", &entry.kind)),
                _ => return Err(Error::unknown(PATH, &key, "a Dense or a Normalize module", &entry.kind)),
            }
        }
        if entries.len() < 2 {
            let found = ["none", "only the first"][entries.len()];
            return Err(Error::malformed(PATH, format!("expected a Transformer and a Pooling module, found {found}")));
        }
        Ok(modules)
    }

    /// The width of the vectors, given the encoder's.
    ///
    /// # Errors
    /// Where a Dense module expects another width than it is given.
    pub fn width(&self, hidden_size: usize) -> Result<usize, Error> {
        let mut width = hidden_size.saturating_mul(self.pooling.len());
        for step in &self.steps {
            if let Step::Dense(dense) = step {
                if dense.inputs != width {
                    let path = join(&dense.folder, "config.json");
                    return Err(Error::unknown(&path, "in_features", width.to_string(), dense.inputs));
                }
                width = dense.outputs;
            }
        }
        Ok(width)
    }

    /// Columns of the widest vector between the encoder's width and the last.
    pub(crate) fn widest(&self, hidden_size: usize) -> usize {
        let outputs = self.steps.iter().map(|step| if let Step::Dense(dense) = step { dense.outputs } else { 0 });
        outputs.fold(hidden_size.saturating_mul(self.pooling.len()), usize::max)
    }
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object", deny_unknown_fields)]
struct DenseFile {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    activation_function: Option<String>,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
    #[serde(default)]
    use_residual: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a JSON object", deny_unknown_fields)]
struct NormalizeFile {
    module_input_name: Option<String>,
    module_output_name: Option<String>,
}

/// A Normalize module needs no configuration; where it has one, that may ask for something else.
async fn check_normalize(files: &impl Files, folder: &str) -> Result<(), Error> {
    let path = join(folder, "config.json");
    let file: NormalizeFile = read_json(files, &path).await?.unwrap_or_default();
    check_ends(&path, file.module_input_name, file.module_output_name)
}

/// Every module after pooling turns the text's vector into the text's vector.
fn check_ends(path: &str, input: Option<String>, output: Option<String>) -> Result<(), Error> {
    for (key, value) in [("module_input_name", input), ("module_output_name", output)] {
        if let Some(other) = value.filter(|name| name != "sentence_embedding") {
            return Err(Error::unknown(path, key, "sentence_embedding", other));
        }
    }
    Ok(())
}

fn yes() -> bool {
    true
}

async fn read_dense(files: &impl Files, folder: &str) -> Result<Dense, Error> {
    let path = join(folder, "config.json");
    let Some(file) = read_json::<DenseFile>(files, &path).await? else {
        return Err(Error::missing(path, "a Dense module has one"));
    };
    check_ends(&path, file.module_input_name, file.module_output_name)?;
    if file.use_residual {
        return Err(Error::unknown(&path, "use_residual", "false", true));
    }
    // sentence-transformers' default is tanh.
    let name = file.activation_function.as_deref().unwrap_or("torch.nn.modules.activation.Tanh");
    let activation = match name.strip_prefix("torch.nn.modules.").unwrap_or(name) {
        "linear.Identity" => Activation::Identity,
        "activation.Tanh" => Activation::Tanh,
        "activation.ReLU" => Activation::Relu,
        "activation.GELU" => Activation::Gelu,
        "activation.SiLU" => Activation::Silu,
        "activation.Sigmoid" => Activation::Sigmoid,
        _ => {
            let expected = "torch's Identity, Tanh, ReLU, GELU, SiLU or Sigmoid";
            return Err(Error::unknown(&path, "activation_function", expected, name));
        }
    };
    for (key, size) in [("in_features", file.in_features), ("out_features", file.out_features)] {
        if !(1..=1 << 24).contains(&size) {
            return Err(Error::unknown(&path, key, "1 to 16777216", size));
        }
    }
    Ok(Dense {
        folder: folder.to_owned(),
        inputs: file.in_features,
        outputs: file.out_features,
        bias: file.bias,
        activation,
    })
}
