//! The word table: 69 % of a multilingual model's bytes, of which a batch needs a few rows.

use std::collections::HashMap;

use wembed_kernels::{Engine, Gathered, Stored};

use crate::Error;
use crate::files::Files;
use crate::word_table::{Packs, WordTable};

/// Where the word table lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// On the host where reading it there is free or it is in packs, else on the device where it fits.
    #[default]
    Auto,
    /// In the model's files: each batch's rows are gathered and sent.
    Host,
    /// In device memory.
    Device,
}

/// The word table, where it was placed.
#[derive(Debug)]
pub(crate) enum Vocabulary<E: Engine> {
    Device(DeviceTable<E>),
    Host(HostTable),
}

/// A table in device memory.
#[derive(Debug)]
pub(crate) struct DeviceTable<E: Engine> {
    pub table: E::Table,
    /// Where each row is, where that is not its number.
    places: Option<Vec<u32>>,
}

/// A table in the model's files. What is not mapped into memory is kept once read, as the file has it.
#[derive(Debug)]
pub(crate) struct HostTable {
    words: WordTable,
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
    /// Places the table.
    pub async fn place(engine: &E, files: &impl Files, words: WordTable, placement: Placement) -> Result<Self, Error> {
        let on_device = match (placement, &words) {
            (Placement::Device, _) => true,
            (Placement::Host, _) | (_, WordTable::Packed(_)) => false,
            (_, WordTable::Whole(matrix)) => !files.mapped() && engine.holds_table(matrix.rows(), matrix.columns()),
        };
        if on_device {
            let (rows, places) = words.into_rows(files).await?;
            return Ok(Self::Device(DeviceTable { table: engine.table(rows).await?, places }));
        }
        Ok(Self::Host(HostTable { words, kept: HashMap::new() }))
    }

    /// Where rows are read when they are needed, and in packs: those.
    pub fn packs(&self) -> Option<&Packs> {
        match self {
            Self::Host(HostTable { words: WordTable::Packed(packs), .. }) => Some(packs),
            _ => None,
        }
    }
}

impl<E: Engine> DeviceTable<E> {
    /// Which of the table's rows these tokens have.
    pub fn rows(&self, ids: Vec<u32>) -> Vec<u32> {
        match &self.places {
            Some(places) => ids.into_iter().map(|id| places[id as usize]).collect(),
            None => ids,
        }
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
        let (columns, stored) = (self.words.columns(), self.words.stored());
        let mut gathered = Vec::with_capacity(needed.unique.len() * columns * stored.bytes());
        let (mut buffer, mut scaled) = (Vec::new(), Vec::new());
        for &id in &needed.unique {
            let (matrix, row) = self.words.find(files, id).await?;
            if let Some(bytes) = self.kept.get(&id) {
                gathered.extend_from_slice(matrix.floats(row, bytes, &mut scaled));
                continue;
            }
            let bytes = matrix.read(files, row..row + 1, &mut buffer).await?;
            gathered.extend_from_slice(matrix.floats(row, bytes, &mut scaled));
            if !files.mapped() {
                self.kept.insert(id, bytes.into());
            }
        }
        let name = self.words.name();
        let table = |bytes| engine.gathered(Gathered { name, bytes, stored, columns });
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
        let name = self.words.name();
        Error::token(id, format!("`{name}` holds {value} at row {id}, column {column}, which the device cannot hold"))
    }
}
