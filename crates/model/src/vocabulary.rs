//! The word table: 69 % of a multilingual model's bytes, of which a batch needs a few rows.

use std::collections::HashMap;

use wembed_kernels::{Engine, Gathered, Rows as _, Stored};

use crate::Error;
use crate::files::Files;
use crate::quantized::Matrix;
use crate::tensors::TensorRows;

/// Where the word table lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// On the host where reading it there is free, else on the device where it fits.
    #[default]
    Auto,
    /// In the model's file: each batch's rows are gathered and sent.
    Host,
    /// In device memory.
    Device,
}

/// The word table.
#[derive(Debug)]
pub(crate) enum Vocabulary<E: Engine> {
    Device(E::Table),
    Host(HostTable),
}

/// A table in the model's file. What is not mapped into memory is kept once read, as the file has it.
#[derive(Debug)]
pub(crate) struct HostTable {
    matrix: Matrix,
    kept: HashMap<u32, Box<[u8]>>,
}

/// The rows that a batch needs: each token's row number in it.
pub(crate) struct Needed {
    unique: Vec<u32>,
    pub slots: Vec<u32>,
}

impl Needed {
    /// Of ids, each once, in the order of their first appearance.
    pub fn of(ids: impl Iterator<Item = u32>) -> Self {
        let mut slot_of = HashMap::new();
        let mut unique = Vec::new();
        let slots = ids
            .map(|id| {
                *slot_of.entry(id).or_insert_with(|| {
                    unique.push(id);
                    unique.len() as u32 - 1
                })
            })
            .collect();
        Self { unique, slots }
    }
}

impl<E: Engine> Vocabulary<E> {
    /// Places the table that `rows` reads.
    pub async fn place<F: Files>(
        engine: &E,
        rows: TensorRows<'_, F>,
        mapped: bool,
        placement: Placement,
    ) -> Result<Self, Error> {
        let on_device = match placement {
            Placement::Device => true,
            Placement::Host => false,
            Placement::Auto => !mapped && engine.holds_table(rows.rows(), rows.columns()),
        };
        if on_device {
            return Ok(Self::Device(engine.table(rows).await?));
        }
        Ok(Self::Host(HostTable { matrix: rows.into_matrix(), kept: HashMap::new() }))
    }
}

impl HostTable {
    /// The needed rows as a table on the device, for one batch.
    pub async fn gather<E: Engine>(
        &mut self,
        engine: &E,
        files: &impl Files,
        needed: &Needed,
    ) -> Result<E::Table, Error> {
        let (columns, stored) = (self.matrix.columns(), self.matrix.stored());
        let mut gathered = Vec::with_capacity(needed.unique.len() * columns * stored.bytes());
        let (mut buffer, mut scaled) = (Vec::new(), Vec::new());
        for &id in &needed.unique {
            let row = id as usize;
            if let Some(bytes) = self.kept.get(&id) {
                gathered.extend_from_slice(self.matrix.floats(row, bytes, &mut scaled));
                continue;
            }
            let bytes = self.matrix.read(files, row..row + 1, &mut buffer).await?;
            gathered.extend_from_slice(self.matrix.floats(row, bytes, &mut scaled));
            if !files.mapped() {
                self.kept.insert(id, bytes.into());
            }
        }
        let table = |bytes| engine.gathered(Gathered { name: self.matrix.name(), bytes, stored, columns });
        table(&gathered).map_err(|error| {
            if error.is_limit() || error.is_out_of_memory() || error.is_device_lost() {
                return error.into();
            }
            // A row that the engine cannot hold. Whose?
            let mut rows = needed.unique.iter().zip(gathered.chunks_exact(columns * stored.bytes()));
            rows.find(|(_, row)| table(row).is_err())
                .map_or(error.into(), |(&id, row)| self.unholdable(id, row, stored))
        })
    }

    /// What is wrong with a row that no engine of this type can hold: its largest number, or one that is none.
    fn unholdable(&self, id: u32, row: &[u8], stored: Stored) -> Error {
        let mut values = Vec::new();
        stored.widen(row, &mut values);
        let size = |value: &f32| if value.is_nan() { f32::INFINITY } else { value.abs() };
        let largest = values.iter().enumerate().max_by(|(_, a), (_, b)| size(a).total_cmp(&size(b)));
        let (column, value) = largest.expect("a row has a column");
        let name = self.matrix.name();
        Error::token(id, format!("`{name}` holds {value} at row {id}, column {column}, which the device cannot hold"))
    }
}
