//! Vectors that were computed, by what they depend on.

use std::sync::Arc;

use moka::sync::Cache as Memory;
use sha2::{Digest as _, Sha256};

use super::disk::Disk;

/// A text's vector, as every answer has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// Finite values, not all of them zero.
    pub values: Box<[f32]>,
    /// Tokens that were embedded.
    pub tokens: u32,
    /// Whether the text had more.
    pub truncated: bool,
}

/// A text under a model and its options: SHA-256 of the vectors' fingerprint and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Of a text, or of its ids' bytes where it came as such.
    pub fn of(fingerprint: &str, form: &str, text: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [fingerprint.as_bytes(), form.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(text);
        Self(hash.finalize().into())
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Bytes of an entry beside its values.
const OVERHEAD: usize = 128;

/// Vectors in memory, of so many bytes at most, and on disk where that is asked for.
#[derive(Debug)]
pub struct Cache {
    memory: Memory<Key, Arc<Vector>>,
    disk: Option<Disk>,
}

impl Cache {
    /// Of so many bytes in memory.
    pub fn new(bytes: u64, disk: Option<Disk>) -> Self {
        let weight = |_: &Key, vector: &Arc<Vector>| (OVERHEAD + 4 * vector.values.len()) as u32;
        Self { memory: Memory::builder().max_capacity(bytes).weigher(weight).build(), disk }
    }

    /// The vector of this key, where it is known.
    pub fn get(&self, key: &Key) -> Option<Arc<Vector>> {
        self.memory.get(key).or_else(|| {
            let found = self.disk.as_ref()?.get(key)?;
            self.memory.insert(*key, found.clone());
            Some(found)
        })
    }

    /// Keeps vectors.
    pub fn keep(&self, vectors: &[(Key, Arc<Vector>)]) {
        for (key, vector) in vectors {
            self.memory.insert(*key, vector.clone());
        }
        if let Some(disk) = &self.disk {
            disk.keep(vectors);
        }
    }

    /// Entries in memory, and about how many bytes they take.
    pub fn size(&self) -> (u64, u64) {
        self.memory.run_pending_tasks();
        (self.memory.entry_count(), self.memory.weighted_size())
    }
}
