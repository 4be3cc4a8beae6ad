//! A safetensors file whose header does not fit it.

use pollster::block_on;
use serde_json::{Map, Value, json};
use wembed_kernels::Rows as _;
use wembed_model::{Memory, Tensors};

use crate::case::{Case, Faults, hold_loaded, load, model};
use crate::checkpoint::{Checkpoint, bytes, edit};

const PATH: &str = "model.safetensors";
const BIAS: &str = "embeddings.LayerNorm.bias";

/// Puts a file of these bytes in the checkpoint's place.
fn file(files: &mut Memory, bytes: impl Into<Vec<u8>>) {
    files.insert(PATH, bytes);
}

fn entry(files: &mut Memory, change: impl FnOnce(&mut Value)) {
    edit(files, PATH, |checkpoint| change(checkpoint.entry(BIAS)));
}

/// The whole file, its bytes changed.
fn raw(files: &mut Memory, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = files.get(PATH).unwrap().to_vec();
    change(&mut bytes);
    file(files, bytes);
}

#[test]
fn its_length_and_its_form() {
    hold_loaded(&[
        Case {
            name: "empty",
            model: "mpnet",
            change: |files| file(files, []),
            says: &["`model.safetensors`", "expected a safetensors header", "found a file of 0 bytes"],
        },
        Case {
            name: "seven bytes",
            model: "mpnet",
            change: |files| file(files, [0; 7]),
            says: &["`model.safetensors`", "expected a safetensors header", "found a file of 7 bytes"],
        },
        Case {
            name: "a header of no bytes",
            model: "mpnet",
            change: |files| file(files, [0; 8]),
            says: &["`model.safetensors`", "EOF"],
        },
        Case {
            name: "one byte longer than the file",
            model: "mpnet",
            change: |files| file(files, [&3_u64.to_le_bytes()[..], b"{}"].concat()),
            says: &["`model.safetensors`", "a header of at most 2 bytes", "found one of 3"],
        },
        Case {
            name: "2^63 bytes long",
            model: "mpnet",
            change: |files| raw(files, |bytes| bytes[..8].copy_from_slice(&(1_u64 << 63).to_le_bytes())),
            says: &["`model.safetensors`", "a header of at most 447720 bytes", "found one of 9223372036854775808"],
        },
        Case {
            name: "2^64 - 1 bytes long",
            model: "mpnet",
            change: |files| raw(files, |bytes| bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes())),
            says: &["`model.safetensors`", "a header of at most 447720 bytes", "found one of 18446744073709551615"],
        },
        Case {
            name: "one byte too long, so that data are read as JSON",
            model: "mpnet",
            change: |files| raw(files, |bytes| bytes[..8].copy_from_slice(&3945_u64.to_le_bytes())),
            says: &["`model.safetensors`", "trailing characters"],
        },
        Case {
            name: "one byte too short",
            model: "mpnet",
            change: |files| {
                let checkpoint = Checkpoint::of(files, PATH);
                let mut bytes = checkpoint.bytes();
                let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) - 1;
                bytes[..8].copy_from_slice(&length.to_le_bytes());
                file(files, bytes);
            },
            says: &["`model.safetensors`", "EOF while parsing an object"],
        },
        Case {
            name: "no JSON",
            model: "mpnet",
            change: |files| file(files, bytes("tensors: none", &[])),
            says: &["`model.safetensors`", "expected ident"],
        },
        Case {
            name: "not UTF-8",
            model: "mpnet",
            change: |files| file(files, [&6_u64.to_le_bytes()[..], b"{\"\xff\xfe\"}"].concat()),
            says: &["`model.safetensors`", "invalid unicode code point"],
        },
        Case {
            name: "an array",
            model: "mpnet",
            change: |files| file(files, bytes("[]", &[])),
            says: &["`model.safetensors`", "invalid type: sequence, expected a JSON object of tensors"],
        },
        Case {
            name: "nested beyond reason",
            model: "mpnet",
            change: |files| file(files, bytes(&format!("{{\"x\": {}", "[".repeat(100_000)), &[])),
            says: &["`model.safetensors`", "`x[0]`", "expected value"],
        },
        Case {
            name: "no tensor",
            model: "mpnet",
            change: |files| file(files, bytes("{}", &[])),
            says: &[
                "`model.safetensors`",
                "word_embeddings.weight`",
                "expected shape [580, 96]",
                "nothing among 0 tensors",
            ],
        },
        Case {
            name: "not safetensors at all",
            model: "mpnet",
            change: |files| file(files, &b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."[..]),
            says: &["`model.safetensors`", "expected a header of at most 13 bytes", "found one of"],
        },
        Case {
            name: "a pointer of Git LFS in its place",
            model: "mpnet",
            change: |files| file(files, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1112197096\n"),
            says: &["`model.safetensors`", "a pointer of Git LFS", "git lfs pull"],
        },
        Case {
            name: "one byte missing at the end",
            model: "mpnet",
            change: |files| raw(files, |bytes| bytes.truncate(447_727)),
            says: &["`model.safetensors`", "expected 447728 bytes, as its header says, found 447727"],
        },
        Case {
            name: "half of it missing",
            model: "mpnet",
            change: |files| raw(files, |bytes| bytes.truncate(200_000)),
            says: &["`model.safetensors`", "expected 447728 bytes, as its header says, found 200000"],
        },
        Case {
            name: "one byte more at the end",
            model: "mpnet",
            change: |files| raw(files, |bytes| bytes.push(0)),
            says: &["`model.safetensors`", "expected 447728 bytes, as its header says, found 447729"],
        },
    ]);
}

#[test]
fn its_entries() {
    hold_loaded(&[
        Case {
            name: "an entry that is none",
            model: "mpnet",
            change: |files| entry(files, |entry| *entry = json!(12)),
            says: &["`model.safetensors`", BIAS, "invalid type: integer `12`"],
        },
        Case {
            name: "no type",
            model: "mpnet",
            change: |files| entry(files, |entry| drop(entry.as_object_mut().unwrap().remove("dtype"))),
            says: &["`model.safetensors`", BIAS, "missing field `dtype`"],
        },
        Case {
            name: "a type that is not known",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["dtype"] = json!("F12")),
            says: &["`model.safetensors`", BIAS, "unknown variant `F12`"],
        },
        Case {
            name: "a shape below zero",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["shape"] = json!([-96])),
            says: &["`model.safetensors`", BIAS, "shape", "invalid value: integer `-96`"],
        },
        Case {
            name: "a shape whose size cannot be counted",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["shape"] = json!([1_u64 << 32, 1_u64 << 32])),
            says: &[
                BIAS,
                "`model.safetensors`",
                "a size of whole bytes that can be counted",
                "F16 in shape [4294967296, 4294967296]",
            ],
        },
        Case {
            name: "a shape whose size in bits cannot be counted",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["shape"] = json!([1_u64 << 60])),
            says: &[
                BIAS,
                "`model.safetensors`",
                "a size of whole bytes that can be counted",
                "F16 in shape [1152921504606846976]",
            ],
        },
        Case {
            name: "a shape of many dimensions",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["shape"] = json!(vec![2; 1000])),
            says: &[BIAS, "`model.safetensors`", "F16 in a shape of 1000 dimensions"],
        },
        Case {
            name: "half a byte",
            model: "mpnet",
            change: |files| {
                entry(files, |entry| {
                    entry["dtype"] = json!("F4");
                    entry["shape"] = json!([385]);
                });
            },
            says: &[BIAS, "`model.safetensors`", "whole bytes", "F4 in shape [385]"],
        },
        Case {
            name: "a shape smaller than its data",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["shape"] = json!([95])),
            says: &[BIAS, "`model.safetensors`", "expected 190 bytes, as it is F16 in shape [95]", "found bytes"],
        },
        Case {
            name: "a shape larger than its data",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["shape"] = json!([97])),
            says: &[BIAS, "`model.safetensors`", "expected 194 bytes, as it is F16 in shape [97]", "found bytes"],
        },
        Case {
            name: "a type wider than its data",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["dtype"] = json!("F32")),
            says: &[BIAS, "`model.safetensors`", "expected 384 bytes, as it is F32 in shape [96]", "found bytes"],
        },
        Case {
            name: "offsets beyond the file",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["data_offsets"] = json!([1_u64 << 40, (1_u64 << 40) + 192])),
            says: &["`model.safetensors`", "expected data from byte"],
        },
        Case {
            name: "offsets the wrong way round",
            model: "mpnet",
            change: |files| {
                entry(files, |entry| {
                    let first = entry["data_offsets"][0].as_u64().unwrap();
                    entry["data_offsets"] = json!([first, 0]);
                });
            },
            says: &["`model.safetensors`", "expected 192 bytes, as it is F16 in shape [96]", "to 0"],
        },
        Case {
            name: "offsets below zero",
            model: "mpnet",
            change: |files| entry(files, |entry| entry["data_offsets"] = json!([-192, 0])),
            says: &["`model.safetensors`", BIAS, "data_offsets", "invalid value: integer `-192`"],
        },
        Case {
            name: "two tensors in one place",
            model: "mpnet",
            change: |files| {
                edit(files, PATH, |checkpoint| {
                    let other = checkpoint.entry("embeddings.LayerNorm.weight")["data_offsets"].clone();
                    checkpoint.entry(BIAS)["data_offsets"] = other;
                });
            },
            says: &["`model.safetensors`", "expected data from byte", "all before it ends there"],
        },
        Case {
            name: "two tensors in part of one place",
            model: "mpnet",
            change: |files| {
                entry(files, |entry| {
                    let first = entry["data_offsets"][0].as_u64().unwrap();
                    entry["data_offsets"] = json!([first + 2, first + 194]);
                });
            },
            says: &["`model.safetensors`", "expected data from byte", "all before it ends there"],
        },
        Case {
            name: "a hole",
            model: "mpnet",
            change: |files| {
                edit(files, PATH, |checkpoint| {
                    let end = checkpoint.data.len();
                    checkpoint.data.extend([0; 200]);
                    checkpoint.header.insert(
                        "late".into(),
                        json!({"dtype": "F16", "shape": [96], "data_offsets": [end + 8, end + 200]}),
                    );
                });
            },
            says: &["tensor `late` in `model.safetensors`", "expected data from byte", "all before it ends there"],
        },
        Case {
            name: "sizes whose sum cannot be counted",
            model: "mpnet",
            change: |files| {
                let most = (1_u64 << 61) - 1;
                let entries = (0..9).map(|index| {
                    let end = (index + 1_u64).saturating_mul(most);
                    (
                        format!("t{index}"),
                        json!({"dtype": "U8", "shape": [most], "data_offsets": [index.saturating_mul(most), end]}),
                    )
                });
                file(files, bytes(&Value::from(entries.collect::<Map<_, _>>()).to_string(), &[]));
            },
            says: &["`model.safetensors`", "tensor `t8`", "expected 2305843009213693951 bytes"],
        },
        Case {
            name: "sizes whose sum can just be counted",
            model: "mpnet",
            change: |files| {
                let most = (1_u64 << 61) - 1;
                let entries = (0..8).map(|index| {
                    (
                        format!("t{index}"),
                        json!({"dtype": "U8", "shape": [most], "data_offsets": [index * most, (index + 1) * most]}),
                    )
                });
                file(files, bytes(&Value::from(entries.collect::<Map<_, _>>()).to_string(), &[]));
            },
            says: &["`model.safetensors`", "expected 18446744073709552", "bytes, as its header says"],
        },
        Case {
            name: "a tensor twice",
            model: "mpnet",
            change: |files| {
                raw(files, |old| {
                    let checkpoint = parts(old);
                    let header = Value::from(checkpoint.header.clone()).to_string();
                    let again = format!("{},\"{BIAS}\":{}}}", &header[..header.len() - 1], checkpoint.header[BIAS]);
                    *old = bytes(&again, &checkpoint.data);
                });
            },
            says: &["`model.safetensors`", "tensor `embeddings.LayerNorm.bias` is there twice"],
        },
        Case {
            name: "metadata that are no strings",
            model: "mpnet",
            change: |files| {
                edit(files, PATH, |checkpoint| {
                    checkpoint.header.insert("__metadata__".into(), json!({"format": 1}));
                });
            },
            says: &["`model.safetensors`", "__metadata__.format", "expected a string"],
        },
    ]);
}

fn parts(bytes: &[u8]) -> Checkpoint {
    let mut files = Memory::default();
    files.insert(PATH, bytes);
    Checkpoint::of(&files, PATH)
}

/// What the format allows: spaces after the header, data that begin anywhere, tensors of no size, tensors of no use.
#[test]
fn what_is_allowed_is_taken() {
    let mut faults = Faults::default();
    for spaces in 0..4 {
        let mut files = model("mpnet");
        let mut checkpoint = Checkpoint::of(&files, PATH);
        let end = checkpoint.data.len();
        checkpoint
            .header
            .insert("nothing".into(), json!({"dtype": "F32", "shape": [0, 7], "data_offsets": [end, end]}));
        checkpoint.header.insert("scalar".into(), json!({"dtype": "I64", "shape": [], "data_offsets": [end, end + 8]}));
        checkpoint.data.extend([0; 8]);
        let header = Value::from(checkpoint.header.clone()).to_string() + &" ".repeat(spaces);
        file(&mut files, bytes(&header, &checkpoint.data));
        let loaded = load(files);
        faults.expect(&format!("{spaces} spaces"), loaded);
    }
}

/// Tensors without a number, however many rows or columns they say: found by fuzzing.
#[test]
fn tensors_of_no_size_have_no_bytes() {
    let shapes = [[0, usize::MAX], [1 << 59, 0], [0, 0]];
    let entry = |shape| json!({"dtype": "F16", "shape": shape, "data_offsets": [0, 0]});
    let header: Map<_, _> = shapes.iter().map(|shape| (format!("{shape:?}"), entry(shape))).collect();
    let mut files = Memory::default();
    file(&mut files, bytes(&Value::from(header).to_string(), &[]));
    let tensors = block_on(Tensors::open(&files, "")).unwrap();
    for shape @ [rows, columns] in shapes {
        let name = format!("{shape:?}");
        assert!(block_on(tensors.values(&name, &shape)).unwrap().is_empty());
        let mut source = block_on(tensors.rows(&[name], rows, columns)).unwrap();
        assert!(block_on(source.next()).unwrap().unwrap().bytes.is_empty());
        assert!(block_on(source.next()).unwrap().is_none(), "all of it in one piece");
    }
}
