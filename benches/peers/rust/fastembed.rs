//! fastembed, on the file that export_onnx.py wrote. It batches texts as they come, which is its way.

use anyhow::Context as _;
use clap::Parser as _;
use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};
use peers::{Arguments, BATCH, serve};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let read = |name: &str| std::fs::read(arguments.model.join(name)).context(name.to_owned());
    let files = TokenizerFiles {
        tokenizer_file: read("tokenizer.json")?,
        config_file: read("config.json")?,
        special_tokens_map_file: read("special_tokens_map.json")?,
        tokenizer_config_file: read("tokenizer_config.json")?,
    };
    let model = UserDefinedEmbeddingModel::new(read("onnx/model.onnx")?, files).with_pooling(Pooling::Mean);
    let options = InitOptionsUserDefined::new().with_max_length(256).with_intra_threads(arguments.threads);
    let mut model = TextEmbedding::try_new_from_user_defined(model, options)?;
    let about = [("threads", json!(arguments.threads)), ("batch", json!(BATCH))];
    serve(&about, |texts| Ok(model.embed(texts, Some(BATCH))?))
}
