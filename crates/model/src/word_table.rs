//! The word table's rows in a model's files: one matrix, or packs of rows as `wembed pack` makes them.

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde::{Deserialize, Serialize};
use wembed_kernels::Stored;

use crate::Error;
use crate::config::Config;
use crate::files::{Files, read_json};
use crate::load::word_table_name;
use crate::quantized::Matrix;
use crate::tensors::{TensorRows, Tensors};

/// What a packed model's files are.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedModel {
    /// The version of this form: [`PackedModel::VERSION`].
    pub wembed_pack: u32,
    /// Every other file, by its path in the model's folder.
    pub files: BTreeMap<String, PackedFile>,
    /// The word table.
    pub vocabulary: PackedTable,
}

/// What is known of a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedFile {
    /// Bytes.
    pub size: u64,
    /// Of all of them, in hex.
    pub sha256: String,
}

/// The word table of a packed model. Which pack a row is in, the tensor `TENSOR_pack` beside the encoder's says: one U8 a row. Rows of
/// one pack are in the order of their numbers.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedTable {
    /// The tensor's name, in every pack.
    pub tensor: String,
    /// The type in which the packs hold its numbers; beside I8 stand the rows' scales.
    pub dtype: Dtype,
    /// The packs.
    pub packs: Vec<Pack>,
}

/// Some rows of the word table, in a safetensors file of their own, and who needs them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pack {
    /// The file's path in the model's folder.
    pub file: String,
    /// How many there are.
    pub rows: usize,
    /// The script of their tokens as ISO 15924 names it; `Zyyy` for what all of them need.
    pub script: String,
    /// The language, as BCP 47 names it, whose texts alone need them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether texts seldom need them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rest: bool,
}

impl PackedModel {
    /// The file that says all this, at the top of the model's folder.
    pub const FILE: &str = "pack.json";
    /// The version of the form that this crate reads and writes.
    pub const VERSION: u32 = 1;
    /// What the name of the tensor that says each row's pack has more than the word table's own.
    pub const INDEX_ENDING: &str = "_pack";

    /// What a model's folder says; nothing where it is not packed.
    ///
    /// # Errors
    /// Where what it says cannot be read.
    pub async fn read(files: &impl Files) -> Result<Option<Self>, Error> {
        read_json(files, Self::FILE).await
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
    table: PackedTable,
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
            && let Some(packed) = PackedModel::read(tensors.files()).await?
        {
            return Packs::open(tensors, config, &name, packed).await.map(Self::Packed);
        }
        tensors.matrix(&name, config.vocabulary_size, config.hidden_size).await.map(Self::Whole)
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Whole(matrix) => matrix.name(),
            Self::Packed(packs) => &packs.table.tensor,
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
            Self::Packed(packs) => packs.table.dtype,
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

    /// The file that has to be here for a row to be read, where it is one of several.
    pub fn pack_of(&self, id: u32) -> Option<&str> {
        match self {
            Self::Whole(_) => None,
            Self::Packed(packs) => Some(&packs.table.packs[packs.pack_of(packs.places[id as usize])].file),
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
        name: &str,
        packed: PackedModel,
    ) -> Result<Self, Error> {
        let unknown =
            |key: &str, expected: String, found: String| Err(Error::unknown(PackedModel::FILE, key, expected, found));
        let PackedModel { wembed_pack, vocabulary: table, .. } = packed;
        if wembed_pack != PackedModel::VERSION {
            return unknown("wembed_pack", PackedModel::VERSION.to_string(), wembed_pack.to_string());
        }
        if table.tensor != name {
            return unknown("vocabulary.tensor", format!("`{name}`"), table.tensor);
        }
        let stored = match table.dtype {
            Dtype::I8 | Dtype::F32 => Stored::F32,
            Dtype::F16 => Stored::F16,
            Dtype::BF16 => Stored::Bf16,
            other => return unknown("vocabulary.dtype", "I8, F16, BF16 or F32".to_owned(), other.to_string()),
        };
        let index = tensors.get(&format!("{name}{}", PackedModel::INDEX_ENDING), &[config.vocabulary_size])?;
        if index.dtype() != Dtype::U8 {
            return Err(Error::tensor(index.path(), index.name(), "U8", index.dtype().to_string()));
        }
        let index = tensors.bytes(index).await?;
        // Each pack's rows are counted before they are placed.
        let mut counts = vec![0; table.packs.len()];
        for (row, &pack) in index.iter().enumerate() {
            let Some(count) = counts.get_mut(usize::from(pack)) else {
                let packs = table.packs.len();
                return unknown("vocabulary.packs", format!("row {row}'s pack {pack}"), format!("{packs} packs"));
            };
            *count += 1;
        }
        if let Some((pack, &count)) =
            table.packs.iter().zip(&counts).find(|(pack, count)| pack.rows != **count as usize)
        {
            let expected = format!("{count} rows in `{}`, as the index says", pack.file);
            return unknown("vocabulary.packs", expected, pack.rows.to_string());
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
        let (places, opened) = (places.collect(), table.packs.iter().map(|_| None).collect());
        Ok(Self { columns: config.hidden_size, stored, starts, places, opened, table })
    }

    /// The pack that a place is in.
    fn pack_of(&self, place: u32) -> usize {
        self.starts.partition_point(|&start| start <= place) - 1
    }

    async fn find(&mut self, files: &impl Files, id: u32) -> Result<(&Matrix, usize), Error> {
        let place = self.places[id as usize];
        let pack = self.pack_of(place);
        let row = (place - self.starts[pack]) as usize;
        Ok((self.open_pack(files, pack).await?, row))
    }

    async fn open_pack(&mut self, files: &impl Files, pack: usize) -> Result<&Matrix, Error> {
        if self.opened[pack].is_none() {
            let Pack { file, rows, .. } = &self.table.packs[pack];
            let matrix = Tensors::of_file(files, file).await?.matrix(&self.table.tensor, *rows, self.columns).await?;
            if matrix.dtype() != self.table.dtype {
                let expected = format!("{}, as {} says", self.table.dtype, PackedModel::FILE);
                return Err(Error::tensor(file, &self.table.tensor, expected, matrix.dtype().to_string()));
            }
            self.opened[pack] = Some(matrix);
        }
        Ok(self.opened[pack].as_ref().expect("it was opened"))
    }
}
