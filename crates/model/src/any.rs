//! A model on whichever engine there is, for programs that find out at run time.

use std::ops::ControlFlow;
use std::sync::Arc;

use wembed_kernels::cpu::CpuEngine;
use wembed_kernels::gpu::GpuEngine;
use wembed_kernels::{Dtype, Engine as _};

use crate::description::Description;
use crate::embedder::{EmbedOptions, Embedder, Embedding, LoadOptions};
use crate::files::Files;
use crate::fingerprint::Fingerprint;
use crate::reader::{Job, Prepared, Reader};
use crate::tokenizer::Tokens;
use crate::{Error, FileTokenizer};

/// One of the engines.
#[derive(Debug)]
pub enum AnyEngine {
    /// On a GPU.
    Gpu(GpuEngine),
    /// On the processor.
    Cpu(CpuEngine),
}

/// An [`Embedder`] on one of the engines; its methods are those.
#[derive(Debug)]
pub enum AnyEmbedder<F: Files> {
    /// On a GPU.
    Gpu(Embedder<GpuEngine, F, FileTokenizer>),
    /// On the processor.
    Cpu(Embedder<CpuEngine, F, FileTokenizer>),
}

/// The same expression for either engine's embedder.
macro_rules! either {
    ($any:expr, $embedder:ident => $what:expr) => {
        match $any {
            AnyEmbedder::Gpu($embedder) => $what,
            AnyEmbedder::Cpu($embedder) => $what,
        }
    };
}

impl<F: Files> AnyEmbedder<F> {
    /// As [`Embedder::load`].
    ///
    /// # Errors
    /// As there.
    pub async fn load(engine: AnyEngine, files: F, options: LoadOptions) -> Result<Self, Error> {
        Ok(match engine {
            AnyEngine::Gpu(engine) => Self::Gpu(Embedder::load(engine, files, options).await?),
            AnyEngine::Cpu(engine) => Self::Cpu(Embedder::load(engine, files, options).await?),
        })
    }

    /// As [`Embedder::description`].
    pub fn description(&self) -> &Description {
        either!(self, embedder => embedder.description())
    }

    /// As [`Embedder::reader`].
    pub fn reader(&self) -> &Arc<Reader> {
        either!(self, embedder => embedder.reader())
    }

    /// As [`Embedder::compute`].
    ///
    /// # Errors
    /// As there.
    pub async fn compute(&mut self, texts: Vec<Prepared>, job: &Job) -> Result<Vec<Result<Embedding, Error>>, Error> {
        either!(self, embedder => embedder.compute(texts, job).await)
    }

    /// What it runs on, in words: the adapter's name, or the processor's instructions and threads.
    pub fn device(&self) -> String {
        match self {
            Self::Gpu(embedder) => embedder.engine().info().name.clone(),
            Self::Cpu(embedder) => {
                let engine = embedder.engine();
                format!("cpu, {} in {} threads", engine.instructions(), engine.threads())
            }
        }
    }

    /// What the last bits of its vectors depend on beside the model, in words: the adapter and its driver, or the processor's instructions.
    pub fn arithmetic(&self) -> String {
        match self {
            Self::Gpu(embedder) => embedder.engine().arithmetic(),
            Self::Cpu(embedder) => embedder.engine().instructions().to_string(),
        }
    }

    /// What weights are held in.
    pub fn dtype(&self) -> Dtype {
        either!(self, embedder => embedder.engine().dtype())
    }

    /// As [`Embedder::devices_replaced`].
    pub fn devices_replaced(&self) -> u64 {
        either!(self, embedder => embedder.devices_replaced())
    }

    /// As [`Embedder::fingerprint`].
    ///
    /// # Errors
    /// As there.
    pub async fn fingerprint(&self, options: &EmbedOptions) -> Result<Fingerprint, Error> {
        either!(self, embedder => embedder.fingerprint(options).await)
    }

    /// As [`Embedder::fingerprint_of_model`].
    ///
    /// # Errors
    /// As there.
    pub async fn fingerprint_of_model(&self) -> Result<[u8; 8], Error> {
        either!(self, embedder => embedder.fingerprint_of_model().await)
    }

    /// As [`Embedder::tokenize`].
    ///
    /// # Errors
    /// As there.
    pub fn tokenize(&self, text: &str) -> Result<Tokens, Error> {
        either!(self, embedder => embedder.tokenize(text))
    }

    /// As [`Embedder::packs`].
    ///
    /// # Errors
    /// As there.
    pub fn packs<S: AsRef<str>>(&self, texts: &[S], options: &EmbedOptions) -> Result<Vec<&str>, Error> {
        either!(self, embedder => embedder.packs(texts, options))
    }

    /// As [`Embedder::embed`].
    ///
    /// # Errors
    /// As there.
    pub async fn embed<S: AsRef<str>>(
        &mut self,
        texts: &[S],
        options: &EmbedOptions,
    ) -> Result<Vec<Result<Embedding, Error>>, Error> {
        either!(self, embedder => embedder.embed(texts, options).await)
    }

    /// As [`Embedder::embed_each`].
    ///
    /// # Errors
    /// As there.
    pub async fn embed_each<S: AsRef<str>, B>(
        &mut self,
        texts: impl IntoIterator<Item = S>,
        options: &EmbedOptions,
        sink: impl FnMut(Result<Embedding, Error>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        either!(self, embedder => embedder.embed_each(texts, options, sink).await)
    }
}
