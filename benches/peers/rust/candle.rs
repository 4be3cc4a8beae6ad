//! Candle's BERT on the processor, by its own products of matrices (no MKL), pooled as its own example does it, in batches of like length.

use anyhow::{Context as _, anyhow};
use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use clap::Parser as _;
use peers::{Arguments, BATCH, in_batches, limit, serve, version};
use serde_json::json;
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let read = |name: &str| std::fs::read(arguments.model.join(name)).context(name.to_owned());
    let config: Config = serde_json::from_slice(&read("config.json")?)?;
    let mut tokenizer =
        Tokenizer::from_bytes(read("tokenizer.json")?).map_err(|error| anyhow!("tokenizer.json: {error}"))?;
    tokenizer.with_padding(Some(PaddingParams::default()));
    let truncation = TruncationParams { max_length: limit(&arguments.model)?, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| anyhow!("truncation: {error}"))?;
    let weights = VarBuilder::from_buffered_safetensors(read("model.safetensors")?, DType::F32, &Device::Cpu)?;
    let model = BertModel::load(weights, &config)?;

    let embed = |texts: Vec<&str>| {
        let encodings = tokenizer.encode_batch(texts, true).map_err(|error| anyhow!("a text: {error}"))?;
        let tensor = |of: fn(&tokenizers::Encoding) -> &[u32]| {
            let rows = encodings.iter().map(|encoding| Tensor::new(of(encoding), &Device::Cpu));
            Tensor::stack(&rows.collect::<Result<Vec<_>, _>>()?, 0)
        };
        let (ids, mask) = (tensor(|encoding| encoding.get_ids())?, tensor(|encoding| encoding.get_attention_mask())?);
        let hidden = model.forward(&ids, &ids.zeros_like()?, Some(&mask))?; // (texts, tokens, D)
        let weights = mask.to_dtype(DType::F32)?.unsqueeze(D::Minus1)?;
        let sums = hidden.broadcast_mul(&weights)?.sum(1)?;
        let mean = sums.broadcast_div(&weights.sum(1)?)?;
        let unit = mean.broadcast_div(&mean.sqr()?.sum_keepdim(1)?.sqrt()?)?;
        Ok(unit.to_vec2::<f32>()?)
    };
    let about =
        [("threads", json!(arguments.threads)), ("batch", json!(BATCH)), ("candle", json!(version("candle-core")))];
    serve(&about, |texts| in_batches(texts, embed))
}
