//! What an engine's thread owns.

use std::sync::Arc;

use pollster::block_on;
use wembed_kernels::Dtype;
use wembed_model::{AnyEmbedder, Embedding, Error, Job, Prepared, Reader};

use crate::ModelFiles;

/// A model on an engine.
pub type Model = AnyEmbedder<ModelFiles>;

/// What an engine's thread owns: a [`Model`], or what stands for one in tests.
pub trait Computes {
    /// The half that needs no device.
    fn reader(&self) -> &Arc<Reader>;
    /// What it runs on, in words.
    fn device(&self) -> String;
    /// What the last bits of its vectors depend on, in words.
    fn arithmetic(&self) -> String;
    /// What weights are held in.
    fn dtype(&self) -> Dtype;
    /// The model's half of fingerprints.
    ///
    /// # Errors
    /// Where its files cannot be read.
    fn fingerprint(&self) -> anyhow::Result<[u8; 8]>;
    /// One result a text, in order.
    ///
    /// # Errors
    /// Where the engine fails.
    fn compute(&mut self, texts: Vec<Prepared>, job: &Job) -> anyhow::Result<Vec<Result<Embedding, Error>>>;
}

impl Computes for Model {
    fn reader(&self) -> &Arc<Reader> {
        self.reader()
    }

    fn device(&self) -> String {
        self.device()
    }

    fn arithmetic(&self) -> String {
        self.arithmetic()
    }

    fn dtype(&self) -> Dtype {
        self.dtype()
    }

    fn fingerprint(&self) -> anyhow::Result<[u8; 8]> {
        Ok(block_on(self.fingerprint_of_model())?)
    }

    fn compute(&mut self, texts: Vec<Prepared>, job: &Job) -> anyhow::Result<Vec<Result<Embedding, Error>>> {
        #[cfg(feature = "faults")]
        crate::serve::faults::strike(self)?;
        Ok(block_on(self.compute(texts, job))?)
    }
}

/// Loads the model, when it is first asked for and after its engine failed.
pub type Loader = Box<dyn Fn() -> anyhow::Result<Box<dyn Computes>> + Send>;
