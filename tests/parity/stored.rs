//! How a checkpoint stores its tensors: the type of its numbers, the names of its norms, how many files it has. None of it shows in a vector.

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use wembed_kernels::gpu::Options;
use wembed_model::{EmbedOptions, Memory};
use wembed_tests::device::open;
use wembed_tests::embedding::{embed, load, options};
use wembed_tests::golden::{Golden, files, folder, read};

/// A tensor out of its file.
#[derive(Clone)]
pub struct Owned {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

impl Owned {
    /// Its numbers as f32; the tiny models store f16.
    pub fn values(&self) -> Vec<f32> {
        bytemuck::pod_collect_to_vec::<u8, f16>(&self.data).into_iter().map(f16::to_f32).collect()
    }

    pub fn store<T: bytemuck::NoUninit>(&mut self, dtype: Dtype, values: &[T]) {
        self.dtype = dtype;
        self.data = bytemuck::cast_slice(values).to_vec();
    }
}

/// Rewrites a file of tensors.
pub fn rewrite(files: &mut Memory, path: &str, change: impl FnOnce(&mut Vec<Owned>)) {
    let bytes = files.get(path).unwrap().to_vec();
    let mut tensors: Vec<Owned> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(name, view)| Owned {
            name,
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            data: view.data().to_vec(),
        })
        .collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|tensor| (&tensor.name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data).unwrap()));
    files.insert(path, safetensors::serialize(views, None).unwrap());
}

/// The vectors of the tiny bert (a checkpoint prefix, tensors of no use, a Dense of its own) after `change`.
fn vectors(options: Options, change: impl Fn(&mut Owned)) -> Option<Vec<Vec<f32>>> {
    let golden: Golden = read("golden.json");
    let model = golden.models.iter().find(|model| model.name == "bert").unwrap();
    let mut files = files(&folder().join(&model.path));
    rewrite(&mut files, "model.safetensors", |tensors| {
        tensors.iter_mut().filter(|tensor| tensor.dtype == Dtype::F16).for_each(change);
    });
    let mut embedder = load(open(options)?, files).unwrap();
    let embeddings = embed(&mut embedder, &model.expected.texts[..8], &EmbedOptions::default()).unwrap();
    Some(embeddings.into_iter().map(|embedding| embedding.vector).collect())
}

#[test]
fn f32_that_f16_can_hold_is_f16() {
    let Some(stored) = vectors(options(), |_| {}) else { return };
    let widened = vectors(options(), |tensor| tensor.store(Dtype::F32, &tensor.values())).unwrap();
    assert_eq!(stored, widened);
}

#[test]
fn bf16_is_the_f32_that_it_stands_for() {
    let rounded = |tensor: &Owned| tensor.values().into_iter().map(bf16::from_f32).collect::<Vec<_>>();
    let f32_engine = || Options { dtype: wembed_kernels::Dtype::F32, ..options() };
    let Some(stored) = vectors(f32_engine(), |tensor| tensor.store(Dtype::BF16, &rounded(tensor))) else { return };
    let widened = vectors(f32_engine(), |tensor| {
        let values: Vec<f32> = rounded(tensor).into_iter().map(bf16::to_f32).collect();
        tensor.store(Dtype::F32, &values);
    });
    assert_eq!(Some(&stored), widened.as_ref());
    assert_ne!(Some(&stored), vectors(f32_engine(), |_| {}).as_ref(), "rounding to bf16 shows");
}

#[test]
fn norms_may_have_their_old_names_and_names_no_prefix() {
    let Some(stored) = vectors(options(), |_| {}) else { return };
    let renamed = vectors(options(), |tensor| {
        tensor.name =
            tensor.name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        tensor.name = tensor.name.trim_start_matches("bert.").to_owned();
    });
    assert_eq!(Some(stored), renamed);
}
