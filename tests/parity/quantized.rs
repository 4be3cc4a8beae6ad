//! int8 with scales is the floats that it stands for: not near them, the same bits.

use std::io;
use std::ops::Range;

use half::f16;
use pollster::block_on;
use safetensors::Dtype;
use wembed_kernels::{Engine, padded};
use wembed_model::{EmbedOptions, Embedder, Files, LoadOptions, Memory, Placement};
use wembed_tests::each_engine;
use wembed_tests::embedding::embed;
use wembed_tests::golden::{Golden, files, folder, read};
use wembed_tests::int8;

use crate::stored::{Owned, rewrite};

/// How a matrix of a tiny model is stored.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// As it is.
    Whole,
    /// int8, and scales in this type.
    Int8(Dtype),
    /// What the int8 stands for, in this type.
    Floats(Dtype),
    /// int8 of rotated rows.
    Rotated,
    /// What that stands for, in f32.
    RotatedFloats,
}

/// The smallest scale with which a row's largest number is at most 127.
fn any_scale(row: &[f32]) -> f32 {
    row.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs())) / 127.0
}

/// The smallest such of four bits, `m / 2^e` with m of 8 to 15: seven bits times four are f16's eleven.
fn four_bit_scale(row: &[f32]) -> f32 {
    let least = any_scale(row).max(2f32.powi(-20));
    let step = 2f32.powi(least.log2().floor() as i32 - 3);
    (least / step).ceil() * step
}

/// Stores every matrix of a model in such a form.
fn quantize(files: &mut Memory, scale: fn(&[f32]) -> f32, form: Form) {
    for path in ["model.safetensors", "2_Dense/model.safetensors"] {
        if form == Form::Whole || files.get(path).is_none() {
            continue;
        }
        rewrite(files, path, |tensors| {
            let mut scales = Vec::new();
            for matrix in tensors.iter_mut().filter(|tensor| tensor.dtype == Dtype::F16 && tensor.shape.len() == 2) {
                scales.extend(quantize_matrix(matrix, scale, form));
            }
            assert!(!matches!(form, Form::Int8(_) | Form::Rotated) || !scales.is_empty(), "{path} has matrices");
            tensors.extend(scales);
        });
    }
}

/// Stores a matrix in such a form, and gives its scales where it has some.
fn quantize_matrix(matrix: &mut Owned, scale: fn(&[f32]) -> f32, form: Form) -> Option<Owned> {
    let values = matrix.values();
    let rows: Vec<_> = values.chunks(matrix.shape[1]).map(|row| (row, scale(row))).collect();
    let rounded =
        |&(row, scale): &(&[f32], f32)| row.iter().map(move |value| (value / scale).round()).collect::<Vec<_>>();
    match form {
        Form::Int8(scale_type) => {
            let codes: Vec<i8> = rows.iter().flat_map(rounded).map(|code| code as i8).collect();
            matrix.store(Dtype::I8, &codes);
            let (name, shape) = (format!("{}_scale", matrix.name), vec![matrix.shape[0], 1]);
            let mut scales = Owned { name, dtype: Dtype::F32, shape, data: Vec::new() };
            let values: Vec<f32> = rows.iter().map(|&(_, scale)| scale).collect();
            store(&mut scales, scale_type, &values);
            Some(scales)
        }
        Form::Floats(float) => {
            let floats = |row: &(&[f32], f32)| rounded(row).into_iter().map(|code| code * row.1).collect::<Vec<_>>();
            store(matrix, float, &rows.iter().flat_map(floats).collect::<Vec<f32>>());
            None
        }
        Form::Rotated | Form::RotatedFloats => {
            let [rows, columns] = matrix.shape[..] else { panic!("{} is a matrix", matrix.name) };
            let (integers, scales, floats) = int8::stored(&values, columns);
            if form == Form::RotatedFloats {
                matrix.store(Dtype::F32, &floats);
                return None;
            }
            matrix.shape = vec![rows, padded(columns)];
            matrix.store(Dtype::I8, &integers);
            let name = format!("{}_rotated_scale", matrix.name);
            let mut tensor = Owned { name, dtype: Dtype::F32, shape: vec![rows, 1], data: Vec::new() };
            tensor.store(Dtype::F32, &scales);
            Some(tensor)
        }
        Form::Whole => None,
    }
}

/// As f32, or as f16 that holds exactly these numbers.
fn store(tensor: &mut Owned, dtype: Dtype, values: &[f32]) {
    if dtype == Dtype::F32 {
        return tensor.store(dtype, values);
    }
    let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
    assert!(halves.iter().zip(values).all(|(half, &value)| half.to_f32() == value), "{}: exactly", tensor.name);
    tensor.store(Dtype::F16, &halves);
}

/// Files that are not mapped, as a browser's: rows of the word table are kept once read.
struct Unmapped(Memory);

impl Files for Unmapped {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        self.0.size(path).await
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        *buffer = self.0.read(path, range, &mut Vec::new()).await?.to_vec();
        Ok(buffer)
    }

    fn mapped(&self) -> bool {
        false
    }
}

fn bits<E: Engine>(engine: E, files: impl Files, texts: &[String], vocabulary: Placement) -> Vec<Vec<u32>> {
    let load = LoadOptions { vocabulary, ..LoadOptions::default() };
    let mut embedder = block_on(Embedder::load(engine, files, load)).unwrap();
    let first = embed(&mut embedder, texts, &EmbedOptions::default()).unwrap();
    let embeddings = embed(&mut embedder, texts, &EmbedOptions::default()).unwrap();
    assert_eq!(first, embeddings, "rows that were kept are the rows that were read");
    let bits = |vector: Vec<f32>| vector.into_iter().map(f32::to_bits).collect();
    embeddings.into_iter().map(|embedding| bits(embedding.vector)).collect()
}

/// mpnet has the relative bias, bert token types and a dense layer.
const MODELS: [&str; 2] = ["mpnet", "bert"];

#[test]
fn int8_gives_the_bits_of_its_floats() {
    let golden: Golden = read("golden.json");
    each_engine!(|way, open| for name in MODELS {
        let model = golden.models.iter().find(|model| model.name == name).unwrap();
        let of = |scale, form, vocabulary| {
            let mut files = files(&folder().join(&model.path));
            quantize(&mut files, scale, form);
            bits(open(), files, &model.expected.texts[..12], vocabulary)
        };
        let any = of(any_scale, Form::Int8(Dtype::F32), Placement::Host);
        assert_eq!(any, of(any_scale, Form::Floats(Dtype::F32), Placement::Host), "{way}, {name}: any scale");
        assert_eq!(any, of(any_scale, Form::Int8(Dtype::F32), Placement::Device), "{way}, {name}: on the device");
        let mut int8 = files(&folder().join(&model.path));
        quantize(&mut int8, any_scale, Form::Int8(Dtype::F32));
        let unmapped = bits(open(), Unmapped(int8), &model.expected.texts[..12], Placement::Host);
        assert_eq!(any, unmapped, "{way}, {name}: rows fetched one by one");
        assert_ne!(any, of(any_scale, Form::Whole, Placement::Host), "{way}, {name}: that it is int8 shows");

        let four = of(four_bit_scale, Form::Int8(Dtype::F32), Placement::Host);
        assert_eq!(four, of(four_bit_scale, Form::Int8(Dtype::F16), Placement::Host), "{way}, {name}: f16 scales");
        assert_eq!(four, of(four_bit_scale, Form::Floats(Dtype::F16), Placement::Host), "{way}, {name}: as f16");
        assert_ne!(four, any, "{way}, {name}: the scale counts");
    });
}

/// Any matrix, tables too, may be stored rotated; a row is then the floats of the definition, to the last bit.
#[test]
fn rotated_int8_gives_the_bits_of_its_floats() {
    let golden: Golden = read("golden.json");
    each_engine!(|way, open| for name in MODELS {
        let model = golden.models.iter().find(|model| model.name == name).unwrap();
        let of = |form, placement| {
            let mut files = files(&folder().join(&model.path));
            quantize(&mut files, any_scale, form);
            bits(open(), Unmapped(files), &model.expected.texts[..12], placement)
        };
        let rotated = of(Form::Rotated, Placement::Host);
        assert_eq!(rotated, of(Form::RotatedFloats, Placement::Host), "{way}, {name}");
        assert_eq!(rotated, of(Form::Rotated, Placement::Device), "{way}, {name}: on the device");
        assert_ne!(rotated, of(Form::Whole, Placement::Host), "{way}, {name}: that it is int8 shows");
    });
}

/// Two kinds of scales for one matrix, and a shape that is not padded, are errors that name the tensor.
#[test]
fn rotated_scales_that_do_not_belong_are_refused() {
    let golden: Golden = read("golden.json");
    let model = golden.models.iter().find(|model| model.name == "bert").unwrap();
    let load = |change: &dyn Fn(&mut Vec<Owned>)| {
        let mut files = files(&folder().join(&model.path));
        quantize(&mut files, any_scale, Form::Rotated);
        rewrite(&mut files, "model.safetensors", |tensors| change(tensors));
        let engine = wembed_tests::device::best_cpu_ways()[0].open_for_models();
        block_on(Embedder::load(engine, files, LoadOptions::default())).map(drop).unwrap_err().to_string()
    };
    let word = |tensor: &Owned| tensor.name.ends_with("layer.0.output.dense.weight");
    let message = load(&|tensors| {
        let mut twice = tensors
            .iter()
            .find(|tensor| tensor.name.ends_with("layer.0.output.dense.weight_rotated_scale"))
            .unwrap()
            .clone();
        twice.name = twice.name.replace("_rotated_scale", "_scale");
        tensors.push(twice);
    });
    assert!(message.contains("output.dense.weight_scale`") && message.contains("_rotated_scale"), "{message}");
    let message = load(&|tensors| {
        let matrix = tensors.iter_mut().find(|tensor| word(tensor)).unwrap();
        let rows = matrix.shape[0];
        matrix.shape[1] -= 1;
        matrix.data.truncate(rows * matrix.shape[1]);
    });
    assert!(message.contains("output.dense.weight`") && message.contains("[60, 127]"), "{message}");
}
