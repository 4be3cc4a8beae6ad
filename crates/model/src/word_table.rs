//! The word table's rows in a model's files: one matrix, or packs of rows as `wembed pack` makes them.

use safetensors::Dtype;
use wembed_kernels::Stored;

use crate::Error;
use crate::config::Config;
use crate::files::Files;
use crate::load::word_table_name;
use crate::quantized::Matrix;
use crate::tensors::{TensorRows, Tensors};

/// How a packed word table is said to be one, in the metadata of the encoder's safetensors file, and which pack each row is in: a tensor
/// of one U8 a row. A pack is a safetensors file that has the word table's own tensor, of its rows alone in the order of their
/// numbers, and their scales beside it where they are int8.
#[derive(Debug)]
pub struct PackedForm;

impl PackedForm {
    /// The key in the metadata. Its value is lines: the form's version, the type of the packs' numbers, and the packs' paths in the model's
    /// folder, in the order in which the index numbers them.
    pub const KEY: &str = "wembed_pack";
    /// The version of the form that this crate reads.
    pub const VERSION: &str = "1";
    /// What the name of the index has more than the word table's own.
    pub const INDEX_ENDING: &str = "_pack";

    /// The value of [`PackedForm::KEY`].
    pub fn write<'a>(dtype: &str, files: impl Iterator<Item = &'a str>) -> String {
        files.fold(format!("{}\n{dtype}", Self::VERSION), |lines, file| format!("{lines}\n{file}"))
    }

    /// The packs' paths that a checkpoint names.
    pub fn files<'t, F>(tensors: &'t Tensors<'_, F>) -> impl Iterator<Item = &'t str> {
        tensors.metadata(Self::KEY).into_iter().flat_map(|lines| lines.lines().skip(2))
    }
}

/// The word table.
#[derive(Debug)]
pub(crate) enum WordTable {
    Whole(Matrix),
    Packed(Packs),
}

/// A word table in packs.
#[derive(Debug)]
pub(crate) struct Packs {
    /// The table's tensor.
    name: String,
    dtype: Dtype,
    files: Vec<String>,
    columns: usize,
    stored: Stored,
    /// Where each pack begins if all are put one after the other, and where the last ends.
    starts: Vec<u32>,
    /// Each row's place among all packs' rows.
    places: Vec<u32>,
    /// Those that were opened.
    opened: Vec<Option<Matrix>>,
}

impl WordTable {
    /// The word table of a checkpoint.
    pub async fn open<F: Files>(tensors: &Tensors<'_, F>, config: &Config) -> Result<Self, Error> {
        let name = word_table_name(config, tensors);
        if !tensors.contains(&name)
            && let Some(form) = tensors.metadata(PackedForm::KEY)
        {
            return Packs::open(tensors, config, name, form).await.map(Self::Packed);
        }
        tensors.matrix(&name, config.vocabulary_size, config.hidden_size).await.map(Self::Whole)
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Whole(matrix) => matrix.name(),
            Self::Packed(packs) => &packs.name,
        }
    }

    pub fn columns(&self) -> usize {
        match self {
            Self::Whole(matrix) => matrix.columns(),
            Self::Packed(packs) => packs.columns,
        }
    }

    /// The type in which the files hold its numbers.
    pub fn dtype(&self) -> Dtype {
        match self {
            Self::Whole(matrix) => matrix.dtype(),
            Self::Packed(packs) => packs.dtype,
        }
    }

    /// What its rows are given in.
    pub fn stored(&self) -> Stored {
        match self {
            Self::Whole(matrix) => matrix.stored(),
            Self::Packed(packs) => packs.stored,
        }
    }

    /// The matrix that holds a row, and which of its rows that is.
    pub async fn find(&mut self, files: &impl Files, id: u32) -> Result<(&Matrix, usize), Error> {
        match self {
            Self::Whole(matrix) => Ok((matrix, id as usize)),
            Self::Packed(packs) => packs.find(files, id).await,
        }
    }

    /// All rows, as they lie in the files, and each row's place among them where that is not its number.
    pub async fn into_rows<F: Files>(self, files: &F) -> Result<(TensorRows<'_, F>, Option<Vec<u32>>), Error> {
        match self {
            Self::Whole(matrix) => Ok((TensorRows::of(files, vec![matrix]), None)),
            Self::Packed(mut packs) => {
                for pack in 0..packs.opened.len() {
                    packs.open_pack(files, pack).await?;
                }
                let matrices = packs.opened.into_iter().flatten().collect();
                Ok((TensorRows::of(files, matrices), Some(packs.places)))
            }
        }
    }
}

impl Packs {
    async fn open<F: Files>(
        tensors: &Tensors<'_, F>,
        config: &Config,
        name: String,
        form: &str,
    ) -> Result<Self, Error> {
        let unknown = |expected: &str, found: &str| Error::unknown(tensors.path(), PackedForm::KEY, expected, found);
        let mut lines = form.lines();
        let version = lines.next().unwrap_or_default();
        if version != PackedForm::VERSION {
            return Err(unknown(&format!("version {}", PackedForm::VERSION), version));
        }
        let (dtype, stored) = match lines.next().unwrap_or_default() {
            "I8" => (Dtype::I8, Stored::F32),
            "F32" => (Dtype::F32, Stored::F32),
            "F16" => (Dtype::F16, Stored::F16),
            "BF16" => (Dtype::BF16, Stored::Bf16),
            other => return Err(unknown("I8, F16, BF16 or F32", other)),
        };
        let files: Vec<_> = PackedForm::files(tensors).map(str::to_owned).collect();
        let index = tensors.get(&format!("{name}{}", PackedForm::INDEX_ENDING), &[config.vocabulary_size])?;
        if index.dtype() != Dtype::U8 {
            return Err(Error::tensor(index.path(), index.name(), "U8", index.dtype().to_string()));
        }
        // Each pack's rows are counted before they are placed.
        let (mut counts, index) = (vec![0; files.len()], tensors.bytes(index).await?);
        for &pack in &index {
            let Some(count) = counts.get_mut(usize::from(pack)) else {
                let expected = format!("a pack {pack}, as the index says");
                return Err(unknown(&expected, &format!("{} packs", files.len())));
            };
            *count += 1;
        }
        let starts: Vec<u32> = std::iter::once(0)
            .chain(counts.iter().scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            }))
            .collect();
        let mut next = starts.clone();
        let places = index.iter().map(|&pack| {
            let place = &mut next[usize::from(pack)];
            *place += 1;
            *place - 1
        });
        let (places, opened) = (places.collect(), files.iter().map(|_| None).collect());
        Ok(Self { name, dtype, files, columns: config.hidden_size, stored, starts, places, opened })
    }

    /// The packs' paths, by number.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The number of the pack that holds a row.
    pub fn pack_of(&self, id: u32) -> usize {
        let place = self.places[id as usize];
        self.starts.partition_point(|&start| start <= place) - 1
    }

    async fn find(&mut self, files: &impl Files, id: u32) -> Result<(&Matrix, usize), Error> {
        let pack = self.pack_of(id);
        let row = (self.places[id as usize] - self.starts[pack]) as usize;
        Ok((self.open_pack(files, pack).await?, row))
    }

    async fn open_pack(&mut self, files: &impl Files, pack: usize) -> Result<&Matrix, Error> {
        if self.opened[pack].is_none() {
            let (file, rows) = (&self.files[pack], (self.starts[pack + 1] - self.starts[pack]) as usize);
            let matrix = Tensors::of_file(files, file).await?.matrix(&self.name, rows, self.columns).await?;
            if matrix.dtype() != self.dtype {
                let expected = format!("{}, as the encoder's file says", self.dtype);
                return Err(Error::tensor(file, &self.name, expected, matrix.dtype().to_string()));
            }
            self.opened[pack] = Some(matrix);
        }
        Ok(self.opened[pack].as_ref().expect("it was opened"))
    }
}
