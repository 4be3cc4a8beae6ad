//! Files of weights that are not there, or do not belong together.

use serde_json::json;

use crate::case::{Case, edit_json, hold_loaded};
use crate::checkpoint::edit;

const PATH: &str = "model.safetensors";
const DENSE: &str = "2_Dense/model.safetensors";
const SHARD: &str = "0_Transformer/model-00002-of-00002.safetensors";
const INDEX: &str = "0_Transformer/model.safetensors.index.json";

#[test]
fn files_of_weights() {
    hold_loaded(&[
        Case {
            name: "none",
            model: "mpnet",
            change: |files| drop(files.remove(PATH)),
            says: &["`model.safetensors` is missing", "read from safetensors"],
        },
        Case {
            name: "a pickle alone",
            model: "mpnet",
            change: |files| {
                files.remove(PATH);
                files.insert("pytorch_model.bin", "PK");
            },
            says: &[
                "`model.safetensors` is missing",
                "found only `pytorch_model.bin`",
                "convert",
                "SentenceTransformer('DIR').save('DIR')",
            ],
        },
        Case {
            name: "pickles in shards",
            model: "mpnet",
            change: |files| {
                files.remove(PATH);
                files.insert("pytorch_model.bin.index.json", "{}");
            },
            says: &["`model.safetensors` is missing", "found only `pytorch_model.bin.index.json`", "convert"],
        },
        Case {
            name: "none for the Dense",
            model: "bert",
            change: |files| drop(files.remove(DENSE)),
            says: &["`2_Dense/model.safetensors` is missing"],
        },
        Case {
            name: "a pickle for the Dense",
            model: "bert",
            change: |files| {
                files.remove(DENSE);
                files.insert("2_Dense/pytorch_model.bin", "PK");
            },
            says: &["`2_Dense/model.safetensors` is missing", "found only `2_Dense/pytorch_model.bin`", "convert"],
        },
        Case {
            name: "a shard that is not there",
            model: "xlm-roberta",
            change: |files| drop(files.remove(SHARD)),
            says: &[
                "`0_Transformer/model-00002-of-00002.safetensors` is missing",
                "another of the model's files names it",
            ],
        },
        Case {
            name: "a shard that is cut",
            model: "xlm-roberta",
            change: |files| {
                let bytes = files.get(SHARD).unwrap();
                files.insert(SHARD, bytes[..bytes.len() - 2].to_vec());
            },
            says: &["`0_Transformer/model-00002-of-00002.safetensors`", "expected 266800 bytes", "found 266798"],
        },
        Case {
            name: "an index that is no JSON",
            model: "xlm-roberta",
            change: |files| files.insert(INDEX, "weight_map"),
            says: &["`0_Transformer/model.safetensors.index.json`", "expected value at line 1"],
        },
        Case {
            name: "an index without a map",
            model: "xlm-roberta",
            change: |files| files.insert(INDEX, "{\"metadata\": {}}"),
            says: &["`0_Transformer/model.safetensors.index.json`", "missing field `weight_map`"],
        },
        Case {
            name: "an index of numbers",
            model: "xlm-roberta",
            change: |files| files.insert(INDEX, "{\"weight_map\": {\"roberta.x\": 2}}"),
            says: &[
                "`0_Transformer/model.safetensors.index.json`",
                "`weight_map.roberta.x`",
                "integer `2`, expected a string",
            ],
        },
        Case {
            name: "an index of nothing",
            model: "xlm-roberta",
            change: |files| files.insert(INDEX, "{\"weight_map\": {}}"),
            says: &[
                "`0_Transformer/model.safetensors.index.json`",
                "word_embeddings.weight`",
                "nothing among 0 tensors",
            ],
        },
        Case {
            name: "an index that leaves a shard out",
            model: "xlm-roberta",
            change: |files| {
                edit_json(files, INDEX, |json| {
                    json["weight_map"]
                        .as_object_mut()
                        .unwrap()
                        .retain(|_, file| !file.as_str().unwrap().contains("00002-of"));
                });
            },
            says: &["`0_Transformer/model.safetensors.index.json`", "encoder.layer.1.", "nothing among"],
        },
        Case {
            name: "a tensor in two shards",
            model: "xlm-roberta",
            change: |files| {
                edit(files, SHARD, |checkpoint| {
                    let end = checkpoint.data.len();
                    checkpoint.data.extend([0; 256]);
                    let entry = json!({"dtype": "F16", "shape": [128], "data_offsets": [end, end + 256]});
                    checkpoint.header.insert("roberta.embeddings.LayerNorm.bias".into(), entry);
                });
            },
            says: &[
                "`roberta.embeddings.LayerNorm.bias`",
                "`0_Transformer/model-00002-of-00002.safetensors`",
                "in one file",
                "another",
                "`0_Transformer/model-00001-of-00002.safetensors`",
            ],
        },
    ]);
}
