//! What the hub says of a file's bytes: its etag is their hash.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A file's hash, which is also its name among the blobs of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checksum {
    /// A large file's: SHA-256 of its bytes.
    Sha256(String),
    /// A small file's, as git has it: SHA-1 of `blob`, its length, a zero byte and its bytes.
    Git(String),
}

const PIECE: usize = 1 << 16;

impl Checksum {
    /// Reads an etag: 64 or 40 hexadecimal digits, in quotes, after `W/`, or bare. Nothing where it is another.
    pub(super) fn parse(etag: &str) -> Option<Self> {
        let digits = etag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
        if !digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
            return None;
        }
        match digits.len() {
            64 => Some(Self::Sha256(digits)),
            40 => Some(Self::Git(digits)),
            _ => None,
        }
    }

    /// The digits.
    pub(super) fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::Git(digits) => digits,
        }
    }

    /// The digits that a file has in truth.
    pub(super) fn of(&self, path: &Path) -> io::Result<String> {
        let mut file = File::open(path)?;
        match self {
            Self::Sha256(_) => digest(Sha256::new(), &mut file),
            Self::Git(_) => {
                let size = file.metadata()?.len();
                digest(Sha1::new().chain_update(format!("blob {size}\0")), &mut file)
            }
        }
    }
}

/// SHA-256 of a file's bytes, in hex.
///
/// # Errors
/// Where it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    digest(Sha256::new(), &mut File::open(path)?)
}

fn digest(mut hash: impl Digest, file: &mut File) -> io::Result<String> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&piece[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags() {
        let (sha1, sha256) = ("a".repeat(40), "0".repeat(64));
        for etag in [sha1.clone(), format!("\"{sha1}\""), format!("W/\"{sha1}\"")] {
            assert_eq!(Checksum::parse(&etag), Some(Checksum::Git(sha1.clone())));
        }
        assert_eq!(Checksum::parse(&sha256), Some(Checksum::Sha256(sha256)));
        for etag in ["", "\"\"", "d41d8cd98f00b204e9800998ecf8427e", "../../x", &"A".repeat(40), &"g".repeat(64)] {
            assert_eq!(Checksum::parse(etag), None);
        }
    }

    #[test]
    fn digests() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("file");
        // `git hash-object` and `sha256sum` of these bytes; NIST's million letters a.
        std::fs::write(&path, "hello\n").expect("there is room");
        let git = Checksum::Git(String::new()).of(&path).expect("it is there");
        assert_eq!(git, "ce013625030ba8dba906f756967f9e9ca394464a");
        std::fs::write(&path, "a".repeat(1_000_000)).expect("there is room");
        let sha256 = Checksum::Sha256(String::new()).of(&path).expect("it is there");
        assert_eq!(sha256, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}
