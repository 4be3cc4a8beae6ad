//! The header of a safetensors file: its length in 8 bytes, JSON that says where each tensor lies, then the tensors
//! without gaps to the file's end. <https://github.com/huggingface/safetensors#format>

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::Error;
use crate::files::{Files, parse_json, read, size};

/// Where a file's tensors lie.
pub(crate) struct Header {
    /// Where the data begin, in bytes.
    pub start: u64,
    /// By name, with offsets counted from `start`. None reaches beyond the file.
    pub tensors: BTreeMap<String, TensorInfo>,
    /// What else the file says of them.
    pub metadata: BTreeMap<String, String>,
}

/// safetensors' own bound on a header.
const LARGEST: u64 = 100_000_000;

impl Header {
    /// Reads the header of the file at `path`.
    pub async fn read(files: &impl Files, path: &str) -> Result<Self, Error> {
        let Some(file_size) = size(files, path).await? else {
            return Err(Error::missing(path, "another of the model's files names it"));
        };
        let Some(room) = file_size.checked_sub(8) else {
            let message = format!("expected a safetensors header, found a file of {file_size} bytes");
            return Err(Error::malformed(path, message));
        };
        let mut buffer = Vec::new();
        let length: [u8; 8] =
            read(files, path, 0..8, &mut buffer).await?.try_into().expect("a read gives all that was asked for");
        if &length == b"version " {
            return Err(Error::malformed(
                path,
                "found a pointer of Git LFS in the file's place; `git lfs pull` gets it",
            ));
        }
        let length = u64::from_le_bytes(length);
        if length > room.min(LARGEST) {
            let message = format!("expected a header of at most {} bytes, found one of {length}", room.min(LARGEST));
            return Err(Error::malformed(path, message));
        }
        let start = 8 + length;
        let mut buffer = Vec::new();
        let Entries { tensors, metadata } = parse_json(path, read(files, path, 8..start, &mut buffer).await?)?;
        let end = u128::from(start) + u128::from(end(path, &tensors)?);
        if end != u128::from(file_size) {
            let message = format!("expected {end} bytes, as its header says, found {file_size}");
            return Err(Error::malformed(path, message));
        }
        Ok(Self { start, tensors, metadata })
    }
}

/// Where the last tensor ends; every one begins where the one before it does, and is as long as its shape.
fn end(path: &str, tensors: &BTreeMap<String, TensorInfo>) -> Result<u64, Error> {
    let mut tensors: Vec<_> = tensors.iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, TensorInfo { dtype, shape, data_offsets: (first, last) }) in tensors {
        let found = || format!("bytes {first} to {last}");
        let is_said = || format!("{dtype} in {}", shape_text(shape));
        if *first != end {
            let expected = format!("data from byte {end} on, as all before it ends there");
            return Err(Error::tensor(path, name, expected, found()));
        }
        let bits = shape.iter().try_fold(dtype.bitsize(), |bits, &size| bits.checked_mul(size));
        let Some(bytes) = bits.filter(|bits| bits.is_multiple_of(8)).map(|bits| bits / 8) else {
            return Err(Error::tensor(path, name, "a size of whole bytes that can be counted", is_said()));
        };
        if first.checked_add(bytes) != Some(*last) {
            return Err(Error::tensor(path, name, format!("{bytes} bytes, as it is {}", is_said()), found()));
        }
        end = *last;
    }
    Ok(end as u64)
}

/// A shape for errors. No tensor of a model has more than a few dimensions.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    if shape.len() <= 8 { format!("shape {shape:?}") } else { format!("a shape of {} dimensions", shape.len()) }
}

/// The entries of a header, each name once.
struct Entries {
    tensors: BTreeMap<String, TensorInfo>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let (mut tensors, mut metadata) = (BTreeMap::new(), BTreeMap::new());
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                metadata = map.next_value()?;
                continue;
            }
            match tensors.entry(name) {
                Entry::Vacant(vacant) => {
                    vacant.insert(map.next_value()?);
                }
                Entry::Occupied(old) => {
                    return Err(A::Error::custom(format_args!("tensor `{}` is there twice", old.key())));
                }
            }
        }
        Ok(Entries { tensors, metadata })
    }
}
