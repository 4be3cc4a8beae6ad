//! The model itself, without a server: what a server's answers can be held against.

use std::cell::RefCell;

use pollster::block_on;
use wembed_model::EmbedOptions;

use super::measure::{Answer, Target};
use crate::model::Model;

/// A model in this process, asked by one client.
pub struct InProcess(RefCell<Model>);

impl InProcess {
    /// This one.
    pub fn new(model: Model) -> Self {
        Self(RefCell::new(model))
    }
}

impl Target for InProcess {
    fn ask(&self, texts: &[String]) -> anyhow::Result<Answer> {
        let found = block_on(self.0.borrow_mut().embed(texts, &EmbedOptions::default()))?;
        let (mut tokens, mut truncated) = (0, 0);
        for text in found {
            let text = text?;
            tokens += text.tokens as u64;
            truncated += u64::from(text.truncated);
        }
        Ok(Answer { tokens: Some(tokens), truncated: Some(truncated) })
    }
}
