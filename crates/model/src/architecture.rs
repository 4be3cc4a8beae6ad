//! The table of architectures: everything in which the members of the family differ. One encoder serves them all.

/// One row: names of a checkpoint's tensors and the rules that its `config.json` does not say.
#[derive(Debug)]
pub struct Architecture {
    /// `model_type` in config.json.
    pub model_type: &'static str,
    /// What checkpoints saved from a model with a head put before every name.
    pub prefix: &'static str,
    /// How token positions are numbered.
    pub positions: Positions,
    /// `pad_token_id` where config.json leaves it out.
    pub pad_token_id: u32,
    /// Whether Hugging Face's code numbers positions from that id whatever config.json says.
    pub fixed_padding: bool,
    /// The keys of config.json.
    pub keys: Keys,
    /// The tensors' names.
    pub names: Names,
}

/// The keys by which config.json says an encoder's shape; those that are not here have one name everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// BERT's.
    Bert,
    /// DistilBERT's, which says no layer-norm epsilon: it is 1e-12.
    DistilBert,
}

/// How the tokens of a text are numbered for the position table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// 0, 1, 2, ...
    FromZero,
    /// pad_token_id + 1, + 2, ... for tokens that are not the padding token; that one has position pad_token_id and is not counted.
    AfterPadding,
}

/// Names of tensors, without prefix, `.weight` and `.bias`. Those from `query` on belong to a layer, whose number comes after `layer`.
#[derive(Debug)]
pub struct Names {
    /// (V, D).
    pub words: &'static str,
    /// (P, D).
    pub positions: &'static str,
    /// Sentences' types, for architectures that have them: row 0 is added to every token.
    pub token_types: Option<&'static str>,
    /// (D) each.
    pub embedding_norm: &'static str,
    /// (buckets, heads), for architectures with one relative-position bias shared by all layers.
    pub relative_bias: Option<&'static str>,
    /// Before a layer's number.
    pub layer: &'static str,
    /// (D, D), as the next three.
    pub query: &'static str,
    /// (D, D).
    pub key: &'static str,
    /// (D, D).
    pub value: &'static str,
    /// (D, D).
    pub attention_output: &'static str,
    /// After attention and its residual.
    pub attention_norm: &'static str,
    /// (F, D).
    pub intermediate: &'static str,
    /// (D, F).
    pub output: &'static str,
    /// After the feed-forward block and its residual.
    pub output_norm: &'static str,
}

/// The names that BERT gave and most of the family kept.
const BERT_NAMES: Names = Names {
    words: "embeddings.word_embeddings",
    positions: "embeddings.position_embeddings",
    token_types: Some("embeddings.token_type_embeddings"),
    embedding_norm: "embeddings.LayerNorm",
    relative_bias: None,
    layer: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_norm: "output.LayerNorm",
};

/// RoBERTa, and what differs from it by its training alone.
const ROBERTA: Architecture = Architecture {
    model_type: "roberta",
    prefix: "roberta.",
    positions: Positions::AfterPadding,
    pad_token_id: 1,
    fixed_padding: false,
    keys: Keys::Bert,
    names: BERT_NAMES,
};

/// Every architecture that wembed knows.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        model_type: "bert",
        prefix: "bert.",
        positions: Positions::FromZero,
        pad_token_id: 0,
        fixed_padding: false,
        keys: Keys::Bert,
        names: BERT_NAMES,
    },
    ROBERTA,
    Architecture { model_type: "xlm-roberta", ..ROBERTA },
    Architecture { model_type: "camembert", ..ROBERTA },
    Architecture {
        model_type: "distilbert",
        prefix: "distilbert.",
        positions: Positions::FromZero,
        pad_token_id: 0,
        fixed_padding: false,
        keys: Keys::DistilBert,
        names: Names {
            token_types: None,
            layer: "transformer.layer",
            query: "attention.q_lin",
            key: "attention.k_lin",
            value: "attention.v_lin",
            attention_output: "attention.out_lin",
            attention_norm: "sa_layer_norm",
            intermediate: "ffn.lin1",
            output: "ffn.lin2",
            output_norm: "output_layer_norm",
            ..BERT_NAMES
        },
    },
    Architecture {
        model_type: "mpnet",
        prefix: "mpnet.",
        positions: Positions::AfterPadding,
        pad_token_id: 1,
        fixed_padding: true,
        keys: Keys::Bert,
        names: Names {
            token_types: None,
            relative_bias: Some("encoder.relative_attention_bias"),
            query: "attention.attn.q",
            key: "attention.attn.k",
            value: "attention.attn.v",
            attention_output: "attention.attn.o",
            attention_norm: "attention.LayerNorm",
            ..BERT_NAMES
        },
    },
];

impl Positions {
    /// The first position that a text's tokens can have.
    pub fn first(self, pad_token_id: u32) -> usize {
        match self {
            Self::FromZero => 0,
            Self::AfterPadding => (pad_token_id as usize).saturating_add(1),
        }
    }

    /// The position of each token of a text, as Hugging Face derives it from the ids.
    pub fn of(self, ids: &[u32], pad_token_id: u32) -> Vec<u32> {
        let mut counted = 0;
        let position = |&id: &u32| match self {
            Self::FromZero => {
                counted += 1;
                counted - 1
            }
            Self::AfterPadding if id == pad_token_id => pad_token_id,
            Self::AfterPadding => {
                counted += 1;
                pad_token_id + counted
            }
        };
        ids.iter().map(position).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_padding_token_is_not_counted() {
        assert_eq!(Positions::FromZero.of(&[5, 0, 6], 0), [0, 1, 2]);
        assert_eq!(Positions::AfterPadding.of(&[0, 7, 1, 8, 2], 1), [2, 3, 1, 4, 5]);
    }
}
