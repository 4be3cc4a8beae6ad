//! What a run has done so far, in a file that survives its end: a header, then a record a text.
//!
//! The header is a line of JSON that says what made the vectors. A record is the length of what follows (u32), its XXH3
//! (u64), both little-endian, and the [`Record`] itself as postcard writes it. Whatever moment ended the writing, the
//! records before it are whole, and what is torn shows: its length leads past the end, or its hash is another.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::record::Record;

/// How often what was done is carried to the disk: what the loss of power can cost.
const SYNC: Duration = Duration::from_secs(5);

/// What changes vectors, by name. Runs continue each other only where all of it is the same.
pub type Provenance = Vec<(String, String)>;

/// The form of the file; another one gets another number.
const VERSION: u32 = 1;

/// What every header begins with.
const BEGINNING: &[u8] = b"{\"wembed_partial\":";

#[derive(Serialize, Deserialize)]
struct Header {
    wembed_partial: u32,
    made_by: Provenance,
}

/// Records in a file, which only this run writes.
pub struct Partial {
    /// Nothing for a temporary file without a name.
    path: Option<PathBuf>,
    file: BufWriter<File>,
    /// Where the records begin.
    first: u64,
    records: u64,
    synced: Instant,
}

impl Partial {
    /// In a temporary file without a name, which ends with the run.
    pub fn anonymous() -> io::Result<Self> {
        Ok(Self::of(None, tempfile::tempfile()?, 0))
    }

    fn of(path: Option<PathBuf>, file: File, first: u64) -> Self {
        Self { path, file: BufWriter::new(file), first, records: 0, synced: Instant::now() }
    }

    /// The file at `path`: made, or where `resume` is said the one that an earlier run left; its records are still to be
    /// [recovered](Self::recover).
    pub fn open(path: &Path, made_by: &Provenance, resume: bool) -> anyhow::Result<Self> {
        let name = format!("`{}`", path.display());
        let options = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.with_context(|| format!("{name} could not be created"))?;
        // A filesystem without locks cannot tell.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            bail!("{name} is being written by another run");
        }
        let mut line = Vec::new();
        BufReader::new(&file).take(1 << 20).read_until(b'\n', &mut line)?;
        // A header is whole before there is a record: without one, nothing was done.
        let begun = line.ends_with(b"\n");
        let ours = line.starts_with(BEGINNING) || BEGINNING.starts_with(&line);
        if !begun && !ours {
            bail!("{name} is no file of wembed's: remove it, or give another --output");
        }
        if begun {
            let header = serde_json::from_slice::<Header>(&line).ok();
            let header = header.with_context(|| {
                format!("{name} is no file of wembed's, or torn: remove it, or give another --output")
            })?;
            if header.wembed_partial != VERSION {
                bail!("{name} is of another version of wembed ({}, not {VERSION})", header.wembed_partial);
            }
            if !resume {
                bail!("{name} holds what an earlier run did: --resume goes on from there; remove it to begin anew");
            }
            check_same(&header.made_by, made_by).with_context(|| format!("{name} cannot be resumed"))?;
        } else {
            file.set_len(0)?;
            file.rewind()?;
            line = serde_json::to_vec(&Header { wembed_partial: VERSION, made_by: made_by.clone() })?;
            line.push(b'\n');
            file.write_all(&line)
                .and_then(|()| file.sync_all())
                .with_context(|| format!("{name} could not be written"))?;
        }
        Ok(Self::of(Some(path.to_owned()), file, line.len() as u64))
    }

    /// Its name, for messages.
    pub fn name(&self) -> String {
        self.path.as_ref().map_or("a temporary file".to_owned(), |path| format!("`{}`", path.display()))
    }

    /// How many records there are.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Gives `each` the records that an earlier run left, and cuts off what it left torn.
    pub fn recover(&mut self, mut each: impl FnMut(Record) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut records = self.records()?;
        for record in &mut records {
            each(record?)?;
        }
        let Records { end, count, .. } = records;
        self.records = count;
        self.file.get_mut().set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        Ok(())
    }

    /// Adds a record.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let payload = postcard::to_stdvec(record).map_err(io::Error::other)?;
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&XxHash3_64::oneshot(&payload).to_le_bytes())?;
        self.file.write_all(&payload)?;
        self.records += 1;
        if self.path.is_some() && self.synced.elapsed() >= SYNC {
            self.sync()?;
        }
        Ok(())
    }

    /// Carries everything to the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.synced = Instant::now();
        if self.path.is_some() { self.file.get_ref().sync_data() } else { Ok(()) }
    }

    /// The whole records from the first on.
    pub fn records(&mut self) -> io::Result<Records> {
        self.file.flush()?;
        let mut file = self.file.get_ref().try_clone()?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(self.first))?;
        Ok(Records { file: BufReader::with_capacity(1 << 16, file), end: self.first, length, count: 0, expected: None })
    }

    /// Every record that there is to be: where fewer can be read the last item is an error.
    pub fn all(&mut self) -> io::Result<Records> {
        let expected = Some(self.records);
        Ok(Records { expected, ..self.records()? })
    }

    /// Removes the file: its records are elsewhere, or there is none.
    pub fn remove(self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        // Where a file that is open cannot be removed.
        drop(self.file);
        fs::remove_file(path)
    }
}

/// Reads records; shares the writer's place in the file, so nothing is written meanwhile.
pub struct Records {
    file: BufReader<File>,
    /// Where the last whole record ended.
    end: u64,
    length: u64,
    count: u64,
    /// How many there must be, where fewer are an error.
    expected: Option<u64>,
}

impl Records {
    /// The next record's bytes, nothing at the end or where one is torn.
    fn payload(&mut self) -> io::Result<Option<Vec<u8>>> {
        const BEFORE: u64 = 4 + 8;
        let left = self.length - self.end;
        if left < BEFORE {
            return Ok(None);
        }
        let (mut length, mut hash) = ([0; 4], [0; 8]);
        self.file.read_exact(&mut length)?;
        self.file.read_exact(&mut hash)?;
        let length = u32::from_le_bytes(length);
        if left - BEFORE < length.into() {
            return Ok(None);
        }
        let mut payload = vec![0; length as usize];
        self.file.read_exact(&mut payload)?;
        if XxHash3_64::oneshot(&payload) != u64::from_le_bytes(hash) {
            return Ok(None);
        }
        self.end += BEFORE + u64::from(length);
        self.count += 1;
        Ok(Some(payload))
    }
}

impl Iterator for Records {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let payload = self.payload().transpose();
        // Whatever ends them ends them for good.
        if !matches!(payload, Some(Ok(_))) {
            self.length = self.end;
        }
        let Some(payload) = payload else {
            let (expected, found) = (self.expected.take()?, self.count);
            let short = || io::Error::other(format!("expected {expected} records, found {found}"));
            return (found != expected).then(|| Err(short()));
        };
        Some(payload.and_then(|payload| postcard::from_bytes(&payload).map_err(io::Error::other)))
    }
}

/// An error where the two differ, which names what does.
fn check_same(earlier: &Provenance, now: &Provenance) -> anyhow::Result<()> {
    let value = |of: &Provenance, name: &str| {
        let (_, value) = of.iter().find(|(it, _)| it == name)?;
        Some(if value.is_empty() { "the usual".to_owned() } else { format!("`{value}`") })
    };
    let differences: Vec<_> = now.iter().filter(|it| !earlier.contains(it)).map(|(name, _)| name).collect();
    let Some(name) = differences.first() else { return Ok(()) };
    let [earlier, now] = [earlier, now].map(|it| value(it, name).unwrap_or("nothing".to_owned()));
    bail!("{name} was {earlier}, and is {now} now")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Partial, Provenance};
    use crate::record::{Id, Label, Outcome, Record};

    fn record(index: u64) -> Record {
        let id = index.is_multiple_of(2).then(|| Id::Text(format!("id {index}")));
        let outcome = match index % 3 {
            0 => Outcome::Failure("nothing came of it".to_owned()),
            _ => Outcome::Vector { vector: vec![index as f32; 3], tokens: 5, truncated: index == 1, windows: 1 },
        };
        Record { label: Label { index, id, hash: index << 40 }, outcome }
    }

    fn made_by(name: &str) -> Provenance {
        vec![("--flag".to_owned(), name.to_owned())]
    }

    /// The file's records are those from 0 on; adds the rest of `count`, and returns how many there were.
    fn resume(path: &Path, count: u64) -> u64 {
        let mut partial = Partial::open(path, &made_by("a"), true).unwrap();
        let mut found = 0;
        let next = |it: Record| {
            assert_eq!(it, record(found));
            found += 1;
            Ok(())
        };
        partial.recover(next).unwrap();
        assert_eq!(partial.len(), found);
        for index in found..count {
            partial.push(&record(index)).unwrap();
        }
        partial.sync().unwrap();
        found
    }

    #[test]
    fn wherever_it_is_cut_the_records_before_are_whole() {
        const COUNT: u64 = 4;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.partial");
        assert_eq!(resume(&path, COUNT), 0);
        let whole = fs::read(&path).unwrap();
        let header = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let mut most = 0;
        for length in 0..=whole.len() {
            // What the loss of power leaves: a part that never came, as nothing or as zeros, or one that is wrong.
            let (mut zeros, mut wrong) = (whole.clone(), whole.clone());
            zeros[length.max(header)..].fill(0);
            let turned = length.clamp(header, whole.len() - 1);
            wrong[turned] ^= 0x10;
            for spoiled in [&zeros, &wrong] {
                fs::write(&path, spoiled).unwrap();
                resume(&path, COUNT);
                assert!(fs::read(&path).unwrap() == whole, "{length}");
            }
            fs::write(&path, &whole[..length]).unwrap();
            let found = resume(&path, COUNT);
            assert!(fs::read(&path).unwrap() == whole, "{length}");
            assert!(found >= most, "{found} records in {length} bytes, {most} in fewer");
            most = found;
        }
        assert_eq!(most, COUNT);
    }

    #[test]
    fn one_run_at_a_time_and_of_one_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.partial");
        let open = |name, resume| match Partial::open(&path, &made_by(name), resume) {
            Ok(partial) => Ok(partial),
            Err(error) => Err(format!("{error:#}")),
        };
        let first = open("a", false).unwrap();
        assert!(open("a", true).is_err_and(|error| error.contains("being written by another run")));
        drop(first);
        assert!(open("a", false).is_err_and(|error| error.contains("--resume goes on from there")));
        assert!(open("b", true).is_err_and(|error| error.contains("--flag was `a`, and is `b` now")));
        open("a", true).unwrap().remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn records_that_are_spoilt_are_missed() {
        const COUNT: u64 = 4;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.partial");
        let mut partial = Partial::open(&path, &made_by("a"), false).unwrap();
        for index in 0..COUNT {
            partial.push(&record(index)).unwrap();
        }
        partial.sync().unwrap();
        assert!(partial.all().unwrap().map(Result::unwrap).eq((0..COUNT).map(record)));
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        let read: Vec<_> = partial.all().unwrap().collect();
        assert_eq!(read.len() as u64, COUNT);
        let error = read.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.to_string(), "expected 4 records, found 3");
    }
}
