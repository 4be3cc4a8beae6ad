//! fastembed, on the file that export_onnx.py wrote. It forms batches from texts as they come; they are of 32, as those of the others, where its own default is 256.

use anyhow::Context as _;
use clap::Parser as _;
use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};
use peers::{Arguments, BATCH, limit, serve, version};
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
    let options =
        InitOptionsUserDefined::new().with_max_length(limit(&arguments.model)?).with_intra_threads(arguments.threads);
    let mut model = TextEmbedding::try_new_from_user_defined(model, options)?;
    let about = [
        ("threads", json!(arguments.threads)),
        ("batch", json!(BATCH)),
        ("fastembed", json!(version("fastembed"))),
        ("ort", json!(version("ort"))),
    ];
    serve(&about, |texts| Ok(model.embed(texts, Some(BATCH))?))
}
