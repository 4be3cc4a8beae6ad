//! One file from the hub, whole and checked, however often the connection is cut.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use indicatif::DecimalBytes;
use ureq::http::StatusCode;

use super::cache::is_nothing;
use super::checksum::Checksum;
use super::client::{Answer, Ask, Client, TRIES, text};
use super::error::{Kind, at};
use super::{Error, Event, Observer};

/// What is to come.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) url: &'a str,
    /// Its path in the repository, for people.
    pub(super) path: &'a str,
    pub(super) size: Option<u64>,
    pub(super) checksum: &'a Checksum,
    pub(super) observe: Observer<'a>,
}

/// How a transfer ended.
enum End {
    /// With everything that was to come, or with the end of the answer where nobody knows how long it should be.
    Whole,
    /// Before that.
    Cut(String),
    /// With something of another length than listed.
    Wrong { found: String },
}

const PIECE: usize = 1 << 16;

impl Download<'_> {
    /// Brings the file into `place`, going on with what is there. After this it has the length and the checksum that
    /// the hub lists.
    ///
    /// # Errors
    /// Where no further byte comes after several tries, or something else comes twice; where `place` cannot be written.
    pub(super) fn run(&self, place: &Path) -> Result<(), Error> {
        let mut second = false;
        loop {
            let found = match self.bring(place)? {
                End::Wrong { found } => found,
                End::Whole | End::Cut(_) => {
                    let found = self.checksum.of(place).map_err(at(place, "be read"))?;
                    if found == self.checksum.digits() {
                        return Ok(());
                    }
                    format!("the checksum {found}")
                }
            };
            fs::remove_file(place).map_err(at(place, "be removed"))?;
            let size = self.size.map(|size| format!("{size} bytes with ")).unwrap_or_default();
            let expected = format!("{size}the checksum {}", self.checksum.digits());
            if second {
                let (url, path) = (self.url.to_owned(), self.path.to_owned());
                return Err(Kind::Corrupt { url, path, expected, found }.into());
            }
            second = true;
            self.note(format!("`{}` came wrong: expected {expected}, found {found}: fetching it again", self.path));
        }
    }

    fn note(&self, message: String) {
        (self.observe)(Event::Note(message));
    }

    /// Transfers until everything is there. Tries count anew with every byte beyond the farthest.
    fn bring(&self, place: &Path) -> Result<End, Error> {
        let (mut farthest, mut fruitless) = (length(place)?, 0);
        loop {
            let reason = match self.transfer(place)? {
                End::Cut(reason) => reason,
                end => return Ok(end),
            };
            let present = length(place)?;
            fruitless = if present > farthest { 0 } else { fruitless + 1 };
            farthest = farthest.max(present);
            let of = self.size.map(|size| format!(" of {}", DecimalBytes(size))).unwrap_or_default();
            let there = format!("{}{of}", DecimalBytes(present));
            if fruitless == TRIES {
                let reason = format!("{reason}, {fruitless} times; {there} of `{}` stay for the next time", self.path);
                return Err(Kind::Network { url: self.url.to_owned(), reason }.into());
            }
            self.note(format!("`{}`: {reason}; going on after {there}", self.path));
            self.client.pause(fruitless);
        }
    }

    /// One transfer, from the end of what is there.
    fn transfer(&self, place: &Path) -> Result<End, Error> {
        let mut file = File::options().create(true).append(true).open(place).map_err(at(place, "be written"))?;
        let mut present = length(place)?;
        let empty = |file: &File| file.set_len(0).map_err(at(place, "be written"));
        if self.size.is_some_and(|size| present > size) {
            empty(&file)?;
            present = 0;
        }
        if self.size == Some(present) {
            return Ok(End::Whole);
        }
        let ask = if present == 0 { Ask::Whole } else { Ask::From(present) };
        let Answer { mut response, .. } = self.client.ask(self.url, ask)?;
        if present > 0 && begins_at(&response) != Some(present) {
            empty(&file)?;
            present = 0;
            if response.status() != StatusCode::OK {
                // The range lies behind the end, or another one came: from the start, then.
                return Ok(End::Cut("the server has no such range".to_owned()));
            }
        }
        let coming = response.body().content_length();
        if let (Some(size), Some(coming)) = (self.size, coming)
            && present.checked_add(coming) != Some(size)
        {
            let sum = present.checked_add(coming).map(|sum| format!("{sum} bytes"));
            return Ok(End::Wrong { found: sum.unwrap_or_else(|| format!("more than {size} bytes")) });
        }
        (self.observe)(Event::File { path: self.path, present, size: self.size });
        let mut body = response.body_mut().as_reader();
        let mut piece = vec![0; PIECE];
        loop {
            let read = match body.read(&mut piece) {
                Ok(0) if self.size.is_some_and(|size| present < size) => {
                    return Ok(End::Cut("the connection ended early".to_owned()));
                }
                Ok(0) => return Ok(End::Whole),
                Ok(read) => read,
                Err(error) => return Ok(End::Cut(error.to_string())),
            };
            present += read as u64;
            if let Some(size) = self.size.filter(|&size| present > size) {
                return Ok(End::Wrong { found: format!("more than {size} bytes") });
            }
            file.write_all(&piece[..read]).map_err(at(place, "be written"))?;
            (self.observe)(Event::Bytes(present));
        }
    }
}

/// Where the part of a file that a server sends begins.
fn begins_at(response: &ureq::http::Response<ureq::Body>) -> Option<u64> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let range = text(response.headers(), "content-range")?.trim().strip_prefix("bytes")?.trim();
    range.split_once('-')?.0.trim().parse().ok()
}

fn length(path: &Path) -> Result<u64, Error> {
    match path.metadata() {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if is_nothing(&error) => Ok(0),
        Err(error) => Err(at(path, "be read")(error)),
    }
}
