//! The figures of the sidecar that wembed replaces, as its own benchmark gave them: paraphrase-multilingual-mpnet-base-v2 by sentence-transformers (PyTorch
//! 2.5.1, Apple MPS) behind FastAPI.

/// Texts of a request.
pub const BATCHES: [usize; 6] = [1, 5, 10, 20, 32, 64];

/// Characters of a text, and texts a second in requests of so many, one after the other.
pub const TEXTS_PER_SECOND: [(usize, [f64; 6]); 5] = [
    (500, [9.5, 32.4, 75.6, 84.4, 90.1, 93.3]),
    (1000, [34.2, 54.5, 59.6, 61.4, 63.0, 63.6]),
    (2000, [44.8, 61.1, 58.4, 60.3, 61.8, 61.1]),
    (5000, [39.8, 53.9, 54.6, 54.6, 55.2, 55.8]),
    (10_000, [35.7, 52.8, 54.3, 55.4, 57.1, 55.9]),
];

/// Texts of so many characters, and of five clients how many times as many texts a second as of one.
pub const FIVE_CLIENTS: [(usize, f64); 3] = [(1000, 0.92), (2000, 1.38), (5000, 1.83)];

/// As the report says it.
pub const SAID: &str = "paraphrase-multilingual-mpnet-base-v2, sentence-transformers with PyTorch 2.5.1 on Apple MPS behind FastAPI 0.115.5; 400 to 600 MB of memory. Another \
                        machine and, unless --model says so, another model: what lies beside it here shows the form of the curves, not which is faster.";
