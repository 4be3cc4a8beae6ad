//! Vectors in a file that outlives the server: an embedded database, whose transactions are whole or not there.
//!
//! An entry carries a hash of itself. A file that is damaged is set aside; an entry that is, is not there.
//!
//! Its bound is kept by generations: when what is young takes an eighth of it, it becomes old and what was old is gone. What is found among the old
//! ones is young again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTableMetadata as _, StorageError, TableDefinition};
use twox_hash::XxHash3_64;

use super::cache::{Key, Vector};

type Table = TableDefinition<'static, &'static [u8; 32], &'static [u8]>;

const YOUNG: Table = TableDefinition::new("wembed vectors 1");

const OLD: Table = TableDefinition::new("wembed vectors 1, old");

/// Parts of the bound that the young ones may have one of. The old ones have another; the rest is what lies between entries, and pages that a transaction
/// does not use again. The database lets its file grow by doubling: it was seen at 0.7 to 1.4 times the bound.
const SHARES: u64 = 8;

/// Batches that wait to be written; more are not kept.
const WAITING: usize = 256;

/// A vector and its key.
type Entry = (Key, Arc<Vector>);

/// Vectors in a file.
#[derive(Debug)]
pub struct Disk {
    database: Arc<Database>,
    writer: Option<(SyncSender<Vec<Entry>>, JoinHandle<()>)>,
}

impl Disk {
    /// The file at `path`, made where there is none, set aside where it is damaged; of about so many bytes at most.
    pub fn open(path: &Path, bytes: u64) -> anyhow::Result<Self> {
        let name = format!("`{}`", path.display());
        let database = match open(path) {
            Ok(database) => database,
            Err(error) if error.is::<InUse>() => bail!("the cache {name} is in use by another process"),
            Err(error) if error.is::<Damaged>() => {
                let aside = set_aside(path).with_context(|| format!("{name}, which is damaged ({error:#})"))?;
                tracing::warn!(
                    "the cache {name} is damaged ({error:#}): it is now `{}`, and a new one begins",
                    aside.display()
                );
                open(path).with_context(|| name.clone())?
            }
            Err(error) => return Err(error.context(name)),
        };
        let database = Arc::new(database);
        let (sender, receiver) = sync_channel::<Vec<Entry>>(WAITING);
        let mut writer = Writer { database: database.clone(), most: bytes / SHARES, young: None };
        let run = move || {
            while let Ok(mut vectors) = receiver.recv() {
                // As many as there are at once: each transaction waits for the disk.
                while let Ok(more) = receiver.try_recv() {
                    vectors.extend(more);
                }
                match catch_unwind(AssertUnwindSafe(|| writer.write(&vectors))) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!("{} vectors are not kept on disk: {error:#}", vectors.len()),
                    Err(_) => tracing::warn!("{} vectors are not kept on disk: its structure is broken", vectors.len()),
                }
            }
        };
        let thread = std::thread::Builder::new().name("wembed cache".to_owned()).spawn(run)?;
        Ok(Self { database, writer: Some((sender, thread)) })
    }

    /// The vector of this key, where there is one and it is whole.
    pub fn get(&self, key: &Key) -> Option<Arc<Vector>> {
        let get = |table| {
            let get = || {
                let table = self.database.begin_read().ok()?.open_table(table).ok()?;
                let bytes = table.get(key.bytes()).ok()??;
                decode(key, bytes.value()).map(Arc::new)
            };
            catch_unwind(AssertUnwindSafe(get)).ok().flatten()
        };
        get(YOUNG).or_else(|| {
            let found = get(OLD)?;
            self.keep(&[(*key, found.clone())]);
            Some(found)
        })
    }

    /// Keeps vectors, when there is time; where too many wait, these are not kept.
    pub fn keep(&self, vectors: &[Entry]) {
        if let Some((sender, _)) = &self.writer {
            drop(sender.try_send(vectors.to_owned()));
        }
    }
}

impl Drop for Disk {
    /// Waits until what was to be kept is.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.writer.take() {
            drop(sender);
            drop(thread.join());
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it is in use")]
struct InUse;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Damaged(String);

/// Opens the file. The library may panic where it is given nonsense; what is wrong with a file that is merely not to be had is not its damage.
fn open(path: &Path) -> anyhow::Result<Database> {
    let begins = std::fs::File::open(path).and_then(|mut file| {
        let mut bytes = [0; 9];
        let count = std::io::Read::read(&mut file, &mut bytes)?;
        Ok(bytes[..count].to_owned())
    });
    // The database writes its first bytes last: where it was killed before, there are zeros.
    if begins.as_ref().is_ok_and(|begins| !begins.is_empty() && begins.iter().all(|&byte| byte == 0)) {
        return Err(anyhow::Error::new(Damaged("it was not finished".to_owned())));
    }
    // Somebody's file that is no database is not ours to rename.
    if begins.is_ok_and(|begins| !begins.is_empty() && begins != MAGIC) {
        bail!("expected a cache of wembed's or no file, found something else");
    }
    let opened = catch_unwind(|| -> anyhow::Result<Database> {
        let database =
            Database::builder().set_check_integrity_on_open(true).create(path).map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => anyhow::Error::new(InUse),
                DatabaseError::Storage(StorageError::Corrupted(what)) => anyhow::Error::new(Damaged(what)),
                DatabaseError::Storage(StorageError::Io(error)) if is_nonsense(&error) => {
                    anyhow::Error::new(Damaged(error.to_string()))
                }
                other => anyhow::Error::new(other),
            })?;
        let write = database.begin_write()?;
        write.open_table(YOUNG)?;
        write.open_table(OLD)?;
        write.commit()?;
        Ok(database)
    });
    opened.unwrap_or_else(|_| Err(anyhow::Error::new(Damaged("its structure is broken".to_owned()))))
}

/// What a database of redb begins with.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

fn is_nonsense(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
}

/// Gives a file another name beside its own.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let numbered = (1..).map(|number| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{number}"));
        PathBuf::from(name)
    });
    let aside = numbered.into_iter().find(|aside| !aside.exists()).expect("there are more numbers than files");
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// What writes.
struct Writer {
    database: Arc<Database>,
    /// Bytes of the young ones.
    most: u64,
    /// Those that they have now; not known before the first are written, nor after a failure.
    young: Option<u64>,
}

impl Writer {
    fn write(&mut self, vectors: &[Entry]) -> anyhow::Result<()> {
        let before = self.young.take();
        let write = self.database.begin_write()?;
        let mut bytes = match before {
            Some(bytes) => bytes,
            None => write.open_table(YOUNG)?.stats()?.stored_bytes(),
        };
        for (key, vector) in vectors {
            let entry = encode(key, vector);
            let more = (key.bytes().len() + entry.len()) as u64;
            if bytes > 0 && bytes + more > self.most {
                write.delete_table(OLD)?;
                write.rename_table(YOUNG, OLD)?;
                bytes = 0;
            }
            // One that is there already is counted again: the bound is kept all the same.
            write.open_table(YOUNG)?.insert(key.bytes(), entry.as_slice())?;
            bytes += more;
        }
        write.commit()?;
        self.young = Some(bytes);
        Ok(())
    }
}

/// XXH3 of all that follows and the key, tokens, whether it was cut, values; all little-endian.
fn encode(key: &Key, vector: &Vector) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.extend(vector.tokens.to_le_bytes());
    bytes.push(u8::from(vector.truncated));
    vector.values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    let hash = hash(key, &bytes[8..]);
    bytes[..8].copy_from_slice(&hash.to_le_bytes());
    bytes
}

fn decode(key: &Key, bytes: &[u8]) -> Option<Vector> {
    let (stored, rest) = bytes.split_first_chunk::<8>()?;
    if hash(key, rest) != u64::from_le_bytes(*stored) {
        return None;
    }
    let (tokens, rest) = rest.split_first_chunk::<4>()?;
    let (&truncated, values) = rest.split_first()?;
    let values = values.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    Some(Vector { values, tokens: u32::from_le_bytes(*tokens), truncated: truncated != 0 })
}

fn hash(key: &Key, bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(&[key.bytes(), bytes].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_whole_or_not_there() {
        let key = Key::of("a model", "text", b"a text");
        let vector = Vector { values: [0.5, -1.25, 3e-8].into(), tokens: 7, truncated: true };
        let bytes = encode(&key, &vector);
        assert_eq!(decode(&key, &bytes), Some(vector));
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(decode(&key, &damaged), None, "byte {place}");
            assert_eq!(decode(&key, &bytes[..place]), None, "{place} bytes");
        }
        assert_eq!(decode(&Key::of("a model", "text", b"another"), &bytes), None);
    }

    /// As it is where the process was killed while the database made it.
    #[test]
    fn a_file_that_was_not_finished_is_set_aside() {
        let place = tempfile::TempDir::new().expect("there is room");
        let path = place.path().join("cache");
        std::fs::write(&path, vec![0; 1 << 20]).expect("there is room");
        drop(Disk::open(&path, 1 << 20).expect("a new one begins"));
        assert_eq!(std::fs::metadata(place.path().join("cache.damaged-1")).expect("it is there").len(), 1 << 20);
    }

    /// However much is kept, the file has its bound, and what is asked for now and then stays.
    #[test]
    fn the_bound_is_kept_and_what_is_used_stays() {
        const MOST: u64 = 16 << 20;
        let place = tempfile::TempDir::new().expect("there is room");
        let path = place.path().join("cache");
        let entry = |number: u32| {
            let vector = Vector { values: vec![number as f32; 1536].into(), tokens: 1, truncated: false };
            (Key::of("a model", "text", &number.to_le_bytes()), Arc::new(vector))
        };
        let is_there = |disk: &Disk, number: u32| {
            let (key, expected) = entry(number);
            disk.get(&key).is_some_and(|found| found == expected)
        };
        // 16,000 of them are 100 MB.
        for round in 0..80 {
            let disk = Disk::open(&path, MOST).expect("it opens");
            disk.keep(&(200 * round..200 * (round + 1)).map(entry).collect::<Vec<_>>());
            disk.keep(&[entry(0)][..usize::from(round == 0)]);
            drop(disk);
            let disk = Disk::open(&path, MOST).expect("it opens");
            assert!(is_there(&disk, 0), "what is asked for in every round, in round {round}");
            assert!(is_there(&disk, 200 * (round + 1) - 1), "the last one of round {round}");
        }
        let disk = Disk::open(&path, MOST).expect("it opens");
        assert!(!is_there(&disk, 1), "what nobody asked for is gone");
        let bytes = std::fs::metadata(&path).expect("it is there").len();
        assert!(bytes < 2 * MOST, "{bytes} bytes");
    }
}
