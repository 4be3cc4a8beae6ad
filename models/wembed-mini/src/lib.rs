//! wembed-mini, a small multilingual sentence-embedding model of the MPNet architecture, as bytes in the program.
//!
//! The files are those of a sentence-transformers directory, matrices in int8 with a scale a row. `README.md` beside them is
//! the model's card: what it is good for, how it was trained and measured, and whose texts it learned from.
//!
//! ```
//! let weights = wembed_mini::FILES.iter().find(|(path, _)| *path == "model.safetensors").expect("it has weights");
//! assert_eq!(weights.1.len(), 6_878_456);
//! ```

/// The model's name.
pub const NAME: &str = "wembed-mini";

/// Each file's path in the model's directory, and its bytes.
pub const FILES: [(&str, &[u8]); 8] = [
    ("1_Pooling/config.json", include_bytes!("../model/1_Pooling/config.json")),
    ("config.json", include_bytes!("../model/config.json")),
    ("config_sentence_transformers.json", include_bytes!("../model/config_sentence_transformers.json")),
    ("model.safetensors", include_bytes!("../model/model.safetensors")),
    ("modules.json", include_bytes!("../model/modules.json")),
    ("sentence_bert_config.json", include_bytes!("../model/sentence_bert_config.json")),
    ("tokenizer.json", include_bytes!("../model/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../model/tokenizer_config.json")),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::FILES;

    /// What a registry of crates takes is 10 MiB, and what a newcomer waits for should be less.
    const MOST_BYTES: usize = 9_000_000;

    /// The paths of all files below a directory.
    fn below(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("the directory can be listed") {
            let path = entry.expect("the directory can be listed").path();
            if path.is_dir() {
                below(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn it_is_small() {
        let bytes: usize = FILES.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    }

    #[test]
    fn it_is_all_of_the_directory() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
        let mut found = Vec::new();
        below(&directory, &mut found);
        let mut paths: Vec<_> = FILES.iter().map(|(path, _)| directory.join(path)).collect();
        found.sort();
        paths.sort();
        assert_eq!(found, paths);
    }
}
