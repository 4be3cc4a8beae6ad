//! A checkpoint's tensors onto a device, under their own names and with the shapes they must have.

use wembed_kernels::{Embeddings, Engine, Heads, Linear, Norm, RelativeBias};

use crate::Error;
use crate::config::Config;
use crate::description::Description;
use crate::encoder::{Encoder, Layer};
use crate::files::{Files, join};
use crate::head::{self, Head};
use crate::modules::{Dense, Step};
use crate::relative;
use crate::tensors::{Tensor, Tensors};
use crate::vocabulary::{Placement, Vocabulary};
use crate::word_table::WordTable;

/// A model's weights on a device.
#[derive(Debug)]
pub(crate) struct Weights<E: Engine> {
    pub encoder: Encoder<E>,
    pub vocabulary: Vocabulary<E>,
    pub head: Head<E>,
}

/// Loads all of a model's weights.
pub(crate) async fn load<E: Engine, F: Files>(
    engine: &E,
    files: &F,
    description: &Description,
    placement: Placement,
) -> Result<Weights<E>, Error> {
    let config = &description.config;
    let tensors = Tensors::open(files, &description.modules.encoder).await?;
    let prefix = prefix(config, &tensors);
    let words = WordTable::open(&tensors, config).await?;
    let checkpoint = Checkpoint { engine, tensors: &tensors, prefix, config };
    Ok(Weights {
        vocabulary: Vocabulary::place(engine, files, words, placement).await?,
        encoder: checkpoint.encoder().await?,
        head: head(engine, files, description).await?,
    })
}

/// Which of a checkpoint's tensors are the encoder's, beside the word table, and their names without the prefix: what a head was
/// trained with stays behind.
pub fn encoder_tensors<'t, F: Files>(
    config: &Config,
    tensors: &'t Tensors<'_, F>,
) -> impl Iterator<Item = (&'t str, &'t Tensor)> {
    let (names, prefix) = (&config.architecture.names, prefix(config, tensors));
    let outside = [Some(names.positions), Some(names.embedding_norm), names.token_types, names.relative_bias];
    let outside: Vec<_> = outside.into_iter().flatten().map(|name| format!("{name}.")).collect();
    let layer = format!("{}.", names.layer);
    tensors.iter().filter_map(move |tensor| {
        let name = tensor.name().strip_prefix(prefix)?;
        (name.starts_with(&layer) || outside.iter().any(|start| name.starts_with(start))).then_some((name, tensor))
    })
}

/// The word table's name in a checkpoint.
pub fn word_table_name<F: Files>(config: &Config, tensors: &Tensors<'_, F>) -> String {
    format!("{}{}.weight", prefix(config, tensors), config.architecture.names.words)
}

/// What stands before every name: nothing, or the architecture's prefix in a checkpoint saved from a model with a head.
fn prefix<F: Files>(config: &Config, tensors: &Tensors<'_, F>) -> &'static str {
    let architecture = config.architecture;
    let prefixed = format!("{}{}.weight", architecture.prefix, architecture.names.words);
    if tensors.contains(&prefixed) { architecture.prefix } else { "" }
}

/// A checkpoint being read for one engine.
struct Checkpoint<'a, E, F> {
    engine: &'a E,
    tensors: &'a Tensors<'a, F>,
    prefix: &'static str,
    config: &'a Config,
}

impl<E: Engine, F: Files> Checkpoint<'_, E, F> {
    async fn encoder(&self) -> Result<Encoder<E>, Error> {
        let config = self.config;
        // Not allocated at once: how many there are is so far only what config.json says.
        let mut layers = Vec::new();
        for index in 0..config.layers {
            layers.push(self.layer(index).await?);
        }
        Ok(Encoder {
            embeddings: self.embeddings().await?,
            layers,
            relative_bias: self.relative_bias().await?,
            heads: Heads { count: config.heads, width: config.hidden_size / config.heads },
            activation: config.activation,
        })
    }

    async fn embeddings(&self) -> Result<Embeddings<E>, Error> {
        let (names, width) = (&self.config.architecture.names, self.config.hidden_size);
        let positions = self.name(names.positions, "weight");
        let token_type = match names.token_types {
            Some(name) => {
                let all = self.tensors.values(&self.name(name, "weight"), &[self.config.token_types, width]).await?;
                all[..width].to_vec()
            }
            None => vec![0.0; width],
        };
        Ok(Embeddings {
            positions: self
                .engine
                .table(self.tensors.rows(&[positions], self.config.position_rows, width).await?)
                .await?,
            token_type: self.engine.vector("token type", &token_type)?,
            norm: self.norm(names.embedding_norm).await?,
        })
    }

    async fn relative_bias(&self) -> Result<Option<RelativeBias<E>>, Error> {
        let Some(name) = self.config.architecture.names.relative_bias else { return Ok(None) };
        let (buckets, heads) = (self.config.relative_buckets, self.config.heads);
        let name = self.name(name, "weight");
        let by_bucket = self.tensors.values(&name, &[buckets, heads]).await?;
        let table = self.engine.vector(&name, &relative::table(&by_bucket, buckets, heads))?;
        Ok(Some(RelativeBias { table, reach: relative::MAX_DISTANCE }))
    }

    async fn layer(&self, index: usize) -> Result<Layer<E>, Error> {
        let names = &self.config.architecture.names;
        let (hidden, wide) = (self.config.hidden_size, self.config.intermediate_size);
        let name = |part: &str| format!("{}.{index}.{part}", names.layer);
        let query_key_value = [name(names.query), name(names.key), name(names.value)];
        Ok(Layer {
            query_key_value: self.linear(&query_key_value, hidden, hidden).await?,
            attention_output: self.linear(&[name(names.attention_output)], hidden, hidden).await?,
            attention_norm: self.norm(&name(names.attention_norm)).await?,
            intermediate: self.linear(&[name(names.intermediate)], wide, hidden).await?,
            output: self.linear(&[name(names.output)], hidden, wide).await?,
            output_norm: self.norm(&name(names.output_norm)).await?,
        })
    }

    /// Several linear layers of the same input as one, or just one.
    async fn linear(&self, names: &[String], outputs: usize, inputs: usize) -> Result<Linear<E>, Error> {
        let weights: Vec<_> = names.iter().map(|name| self.name(name, "weight")).collect();
        let mut bias = Vec::new();
        for name in names {
            bias.extend(self.tensors.values(&self.name(name, "bias"), &[outputs]).await?);
        }
        Ok(Linear {
            weight: self.engine.matrix(self.tensors.rows(&weights, outputs, inputs).await?).await?,
            bias: self.engine.vector(&self.name(&names[0], "bias"), &bias)?,
        })
    }

    async fn norm(&self, name: &str) -> Result<Norm<E>, Error> {
        // Checkpoints converted from TensorFlow call them gamma and beta.
        let old = self.tensors.contains(&self.name(name, "gamma"));
        let (gain, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        let (gain, bias) = (self.name(name, gain), self.name(name, bias));
        let shape = [self.config.hidden_size];
        Ok(Norm {
            gain: self.engine.vector(&gain, &self.tensors.values(&gain, &shape).await?)?,
            bias: self.engine.vector(&bias, &self.tensors.values(&bias, &shape).await?)?,
            epsilon: self.config.epsilon,
        })
    }

    fn name(&self, tensor: &str, end: &str) -> String {
        format!("{}{tensor}.{end}", self.prefix)
    }
}

async fn head<E: Engine, F: Files>(engine: &E, files: &F, description: &Description) -> Result<Head<E>, Error> {
    let mut steps = Vec::new();
    for step in &description.modules.steps {
        steps.push(match step {
            Step::Normalize => head::Step::Normalize,
            Step::Dense(dense) => head::Step::Dense(dense_layer(engine, files, dense).await?, dense.activation),
        });
    }
    Ok(Head { pooling: description.modules.pooling.clone(), steps })
}

async fn dense_layer<E: Engine, F: Files>(engine: &E, files: &F, dense: &Dense) -> Result<Linear<E>, Error> {
    let tensors = Tensors::open(files, &dense.folder).await?;
    let bias =
        if dense.bias { tensors.values("linear.bias", &[dense.outputs]).await? } else { vec![0.0; dense.outputs] };
    let name = join(&dense.folder, "linear.bias");
    Ok(Linear {
        weight: engine.matrix(tensors.rows(&["linear.weight"], dense.outputs, dense.inputs).await?).await?,
        bias: engine.vector(&name, &bias)?,
    })
}
