//! Which vectors these are: a name for a model and its options, so that a store never mixes what cannot be compared.

use std::fmt;

use sha2::{Digest as _, Sha256};
use wembed_kernels::{Activation, Dtype, Engine, PIECE_BYTES};

use crate::Error;
use crate::description::Description;
use crate::embedder::{EmbedOptions, Embedder};
use crate::files::{Files, compact_json, join, read, read_whole};
use crate::load::encoder_tensors;
use crate::modules::Step;
use crate::pooling::pooling_name;
use crate::reader::{Job, Reader};
use crate::tensors::{Tensor, Tensors};
use crate::tokenizer::{Tokenize, TruncationSide};
use crate::word_table::WordTable;

/// SHA-256 of everything on which vectors depend beyond a rounding, in two halves that are printed as `MODEL-OPTIONS`.
///
/// Whatever device, processor or number of threads computes them, vectors of one fingerprint can be compared. Two fingerprints with
/// the same first half are the same model, asked for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The model: name, type, shape and bytes of every tensor that counts, however they are divided among files; the tokenizer's file, but for its white space; what the
    /// configuration says.
    pub model: [u8; 8],
    /// The type of the weights on the device, the longest text, what is done with longer ones, the prompt, the vectors' finish.
    pub options: [u8; 4],
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
        hex(f, &self.model)?;
        f.write_str("-")?;
        hex(f, &self.options)
    }
}

/// Hashes parts so that no two lists of parts run together the same way.
struct Hash(Sha256);

impl Hash {
    /// `what` says what is hashed, and in which version of this file.
    fn of(what: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.part(what.as_bytes());
        hash
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn say(&mut self, value: impl fmt::Debug) {
        self.part(format!("{value:?}").as_bytes());
    }

    fn first<const N: usize>(self) -> [u8; N] {
        let digest = self.0.finalize();
        std::array::from_fn(|index| digest[index])
    }
}

impl<E: Engine, F: Files, T: Tokenize> Embedder<E, F, T> {
    /// The fingerprint of the vectors that `options` give. Reads all of the model's weights.
    ///
    /// # Errors
    /// Where the options do not fit the model, or a file cannot be read.
    pub async fn fingerprint(&self, options: &EmbedOptions) -> Result<Fingerprint, Error> {
        let options = self.reader.fingerprint(&self.reader.job(options)?, self.engine.dtype());
        Ok(Fingerprint { model: self.fingerprint_of_model().await?, options })
    }

    /// The half that is the same for all options. Reads all of the model's weights.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub async fn fingerprint_of_model(&self) -> Result<[u8; 8], Error> {
        model(&self.files, &self.reader.description).await
    }
}

impl<T: Tokenize> Reader<T> {
    /// The half of a fingerprint that options make, where weights are held in `dtype`.
    pub fn fingerprint(&self, job: &Job, dtype: Dtype) -> [u8; 4] {
        let mut hash = Hash::of("wembed options 1");
        hash.say(dtype.name());
        hash.say(self.description.max_length);
        hash.say(job.long.name());
        hash.part(job.prompt.as_bytes());
        // What comes out, by whatever flags.
        let cut = job.finish.dimensions.filter(|&dimensions| dimensions < self.description.width);
        let normalizes = self.normalizes_before_cut(job);
        hash.say((normalizes, cut, job.finish.normalize == Some(true) && (cut.is_some() || !normalizes)));
        hash.first()
    }
}

async fn model(files: &impl Files, description: &Description) -> Result<[u8; 8], Error> {
    let Description { config, modules, .. } = description;
    let mut hash = Hash::of("wembed model 2");
    hash.say((config.architecture.model_type, config.layers, config.heads, config.epsilon.to_bits()));
    hash.say((activation_name(config.activation), config.pad_token_id, description.lowercase));
    hash.say((description.truncation_side == TruncationSide::Left, modules.include_prompt));
    hash.say(modules.pooling.iter().map(|&mode| pooling_name(mode)).collect::<Vec<_>>());
    let mut buffer = Vec::new();
    let tokenizer = read_whole(files, &join(&modules.encoder, "tokenizer.json"), &mut buffer).await?;
    hash.part(&compact_json(tokenizer.unwrap_or_default()));
    encoder(files, description, &mut hash).await?;
    for step in &modules.steps {
        match step {
            Step::Normalize => hash.say("normalize"),
            Step::Dense(dense) => {
                hash.say(("dense", activation_name(dense.activation), dense.bias));
                weights(files, &dense.folder, &mut hash).await?;
            }
        }
    }
    Ok(hash.first())
}

/// A name that stays, whatever the code calls it.
fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Identity => "identity",
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Relu => "relu",
        Activation::Silu => "silu",
        Activation::Tanh => "tanh",
        Activation::Sigmoid => "sigmoid",
    }
}

/// The encoder's tensors, in the order of their names, and the word table, wherever its rows are. What only a head had is not in it.
async fn encoder(files: &impl Files, description: &Description, hash: &mut Hash) -> Result<(), Error> {
    let Description { config, modules, .. } = description;
    let tensors = Tensors::open(files, &modules.encoder).await?;
    for (name, tensor) in encoder_tensors(config, &tensors) {
        one(files, name, tensor, hash).await?;
    }
    let mut words = WordTable::open(&tensors, config).await?;
    let (mut buffer, mut scales) = (Vec::new(), Vec::new());
    hash.say(("the word table", words.dtype().to_string(), config.vocabulary_size, words.columns()));
    for id in 0..config.vocabulary_size as u32 {
        let (matrix, row) = words.find(files, id).await?;
        hash.0.update(matrix.read(files, row..row + 1, &mut buffer).await?);
        scales.extend(matrix.scale(row));
    }
    hash.say(scales.len());
    scales.iter().for_each(|scale| hash.0.update(scale.to_le_bytes()));
    Ok(())
}

/// A folder's tensors, in the order of their names.
async fn weights(files: &impl Files, folder: &str, hash: &mut Hash) -> Result<(), Error> {
    for tensor in Tensors::open(files, folder).await?.iter() {
        one(files, tensor.name(), tensor, hash).await?;
    }
    Ok(())
}

async fn one(files: &impl Files, name: &str, tensor: &Tensor, hash: &mut Hash) -> Result<(), Error> {
    let mut buffer = Vec::new();
    hash.say((name, tensor.dtype().to_string(), tensor.shape()));
    let bytes = tensor.bytes();
    for start in bytes.clone().step_by(PIECE_BYTES) {
        let range = start..bytes.end.min(start + PIECE_BYTES as u64);
        hash.0.update(read(files, tensor.path(), range, &mut buffer).await?);
    }
    Ok(())
}
