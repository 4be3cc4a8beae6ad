//! A safetensors file taken apart, so that any part of it can be wrong when it is put together again.

use half::{bf16, f16};
use serde_json::{Map, Value, json};
use wembed_model::Memory;

/// A file's header and its data.
pub struct Checkpoint {
    pub header: Map<String, Value>,
    pub data: Vec<u8>,
}

impl Checkpoint {
    /// Takes a tiny model's file apart.
    pub fn of(files: &Memory, path: &str) -> Self {
        let bytes = files.get(path).expect("the tiny model has this file");
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        let header = serde_json::from_slice(&bytes[8..8 + length]).expect("the tiny model's header is JSON");
        Self { header, data: bytes[8 + length..].to_vec() }
    }

    /// The file as its parts say.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(&Value::from(self.header.clone()).to_string(), &self.data)
    }

    /// The whole name of the one tensor whose name ends so.
    pub fn name(&self, ending: &str) -> String {
        let mut names = self.header.keys().filter(|name| name.ends_with(ending) && !name.starts_with("unused."));
        let name = names.next().expect("a tensor's name ends so").clone();
        assert_eq!(names.next(), None, "one tensor's name ends with {ending}");
        name
    }

    /// One tensor's entry in the header, for changes that leave the data as it is.
    pub fn entry(&mut self, ending: &str) -> &mut Value {
        let name = self.name(ending);
        &mut self.header[&name]
    }

    /// A tensor's numbers as f32; the tiny models store f16, and what was changed may be f32.
    pub fn values(&self, ending: &str) -> Vec<f32> {
        let entry = &self.header[&self.name(ending)];
        let [start, end] = offsets(entry);
        let data = &self.data[start..end];
        match entry["dtype"].as_str() {
            Some("F32") => bytemuck::pod_collect_to_vec(data),
            _ => bytemuck::pod_collect_to_vec::<u8, f16>(data).into_iter().map(f16::to_f32).collect(),
        }
    }

    /// Stores a tensor anew, at the end of the file; what was there stays behind as a tensor of no use.
    pub fn store(&mut self, ending: &str, dtype: &str, shape: &[usize], values: &[f32]) {
        let name = self.name(ending);
        let old = self.header.remove(&name).expect("the tensor is there");
        self.header.insert(format!("unused.{name}.{}", self.header.len()), old);
        let start = self.data.len();
        for &value in values {
            match dtype {
                "F32" => self.data.extend(value.to_le_bytes()),
                "F16" => self.data.extend(f16::from_f32(value).to_le_bytes()),
                "BF16" => self.data.extend(bf16::from_f32(value).to_le_bytes()),
                "I8" => self.data.push(value as i8 as u8),
                "I64" => self.data.extend((value as i64).to_le_bytes()),
                "F64" => self.data.extend(f64::from(value).to_le_bytes()),
                other => panic!("{other} is none of these"),
            }
        }
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, self.data.len()]});
        self.header.insert(name, entry);
    }

    /// Changes a tensor's values and the type that they are stored in.
    pub fn edit(&mut self, ending: &str, dtype: &str, change: impl FnOnce(&mut [f32])) {
        let mut values = self.values(ending);
        change(&mut values);
        let shape: Vec<usize> = serde_json::from_value(self.entry(ending)["shape"].clone()).expect("a shape");
        self.store(ending, dtype, &shape, &values);
    }

    /// Takes a tensor's name away.
    pub fn forget(&mut self, ending: &str) {
        let name = self.name(ending);
        let old = self.header.remove(&name).expect("the tensor is there");
        self.header.insert(format!("unused.{name}.{}", self.header.len()), old);
    }
}

fn offsets(entry: &Value) -> [usize; 2] {
    serde_json::from_value(entry["data_offsets"].clone()).expect("a tensor has offsets")
}

/// A file of this header and data.
pub fn bytes(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// Changes a tiny model's file in its parts.
pub fn edit(files: &mut Memory, path: &str, change: impl FnOnce(&mut Checkpoint)) {
    let mut checkpoint = Checkpoint::of(files, path);
    change(&mut checkpoint);
    files.insert(path, checkpoint.bytes());
}
