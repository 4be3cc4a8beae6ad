//! Bytes as a model.safetensors: its header is read, then every tensor that it has, as values and as rows.
//!
//! The first byte says how the rest becomes a file. 0: it is a header's text, up to a line's end, and then the data; the length
//! is put in front, so that not every change to the text spoils the file. 1: it draws tensors, which fit one another but for
//! a few. Any other: it is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use wembed_kernels::Rows as _;
use wembed_model::{Error, Memory, Tensor, Tensors};

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let mut files = Memory::default();
    let file = match kind {
        0 => written(rest),
        1 => drawn(rest),
        _ => rest.to_vec(),
    };
    files.insert("model.safetensors", file);
    let Ok(tensors) = block_on(Tensors::open(&files, "")).map_err(readable) else { return };
    for tensor in tensors.iter() {
        read(&tensors, tensor);
    }
});

fn written(text: &[u8]) -> Vec<u8> {
    let mut parts = text.splitn(2, |&byte| byte == b'\n');
    file(parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn file(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// Types and their bits.
const TYPES: [(&str, u128); 9] =
    [("F32", 32), ("F16", 16), ("BF16", 16), ("I64", 64), ("U8", 8), ("F4", 4), ("F6_E2M3", 6), ("BOOL", 8), ("I8", 8)];

/// Sizes where something begins or ends.
const SIZES: [u64; 16] = [
    0,
    1,
    2,
    3,
    7,
    64,
    1000,
    (1 << 24) + 1,
    (1 << 31) - 1,
    1 << 32,
    (1 << 60) + 1,
    (1 << 61) - 1,
    1 << 61,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// The most bytes of data that are really there.
const MOST_DATA: usize = 1 << 16;

fn drawn(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.iter().map(|&byte| usize::from(byte));
    let mut draw = || bytes.next();
    let (mut header, mut end) = (String::from("{"), 0_u128);
    let mut index = 0;
    while let Some(kind) = draw() {
        let (name, bits) = TYPES[kind % TYPES.len()];
        let rank = kind / TYPES.len() % 4;
        let shape: Vec<u64> = (0..rank).map(|_| SIZES[draw().unwrap_or(1) % SIZES.len()]).collect();
        let elements = shape.iter().fold(1_u128, |product, &size| product.saturating_mul(size.into()));
        // A few do not begin where the one before them ends, are longer than their shape, have its name, or are its scales.
        let flaw = draw().unwrap_or(0);
        let first = if flaw == 1 { end + 1 } else { end };
        let last = (first + elements.saturating_mul(bits) / 8).min(u64::MAX.into());
        let last = if flaw == 2 { last + 1 } else { last };
        index += usize::from(flaw != 3 && flaw != 4);
        let ending = if flaw == 4 { "_scale" } else { "" };
        let comma = if header.len() > 1 { "," } else { "" };
        header += &format!(
            r#"{comma}"t{index}{ending}":{{"dtype":"{name}","shape":{shape:?},"data_offsets":[{first},{last}]}}"#
        );
        end = last;
    }
    header.push('}');
    file(header.as_bytes(), &vec![0x3f; end.min(MOST_DATA as u128) as usize])
}

/// An error is one sentence of bounded length, whatever the file holds but names.
fn readable(error: Error) {
    assert!(!error.to_string().is_empty());
}

fn read(tensors: &Tensors<'_, Memory>, tensor: &Tensor) {
    let (name, shape) = (tensor.name(), tensor.shape());
    if let Ok(values) = block_on(tensors.values(name, shape)).map_err(readable) {
        assert_eq!(values.len(), tensor.elements());
        assert!(values.iter().all(|value| value.is_finite()));
    }
    let [rows, columns] = *shape else { return };
    let Ok(mut source) = block_on(tensors.rows(&[name], rows, columns)).map_err(readable) else { return };
    let mut left = rows;
    while let Some(piece) = block_on(source.next()).expect("what the header says is there") {
        let row_bytes = columns.saturating_mul(piece.stored.bytes());
        let count = piece.bytes.len().checked_div(row_bytes).unwrap_or(left);
        assert_eq!(count * row_bytes, piece.bytes.len(), "a piece has whole rows");
        left -= count;
    }
    assert_eq!(left, 0, "a tensor has as many rows as it says");
}
