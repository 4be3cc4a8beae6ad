//! What the hub lists of a revision: its commit, its files, their lengths and checksums.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use super::checksum::Checksum;
use super::client::{Ask, Client, text};
use super::error::Kind;
use super::id::is_commit;
use super::{Error, ModelId, Revision};

/// The files of a commit.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) commit: String,
    files: BTreeMap<String, Listed>,
}

/// What the hub says of a file. Mirrors list names only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) size: Option<u64>,
    pub(super) checksum: Option<Checksum>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Large>,
}

#[derive(Debug, Deserialize)]
struct Large {
    sha256: Option<String>,
    size: Option<u64>,
}

impl Listing {
    /// Asks what `revision` is.
    ///
    /// # Errors
    /// Where the hub has no such model or revision, or shows it to others only.
    pub(super) fn fetch(client: &Client<'_>, id: &ModelId, revision: &Revision) -> Result<Self, Error> {
        let parts: Vec<_> = ["api", "models"].into_iter().chain(id.as_str().split('/')).collect();
        let url = format!("{}?blobs=true", client.url(&[&parts[..], &["revision", revision.as_str()]].concat()));
        let bytes = client.read(&url).map_err(|error| explained(error, client, id, revision))?;
        Self::parse(&bytes).map_err(|message| Kind::NoHub { url, message }.into())
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let Answer { sha, siblings } =
            serde_json::from_slice(bytes).map_err(|error| format!("expected a list of files, found {error}"))?;
        if !is_commit(&sha) {
            return Err(format!("expected a commit of 40 hexadecimal digits, found `{}`", sha.escape_debug()));
        }
        // A path that leads out of the model's folder, or is none, is no file of a model.
        let inside = |path: &str| {
            let plain = |part| matches!(part, Component::Normal(_));
            !path.contains('\\') && !path.is_empty() && Path::new(path).components().all(plain)
        };
        let files = siblings.into_iter().filter(|file| inside(&file.rfilename)).map(|file| {
            let etag = match &file.lfs {
                Some(large) => large.sha256.as_deref(),
                None => file.blob_id.as_deref(),
            };
            let size = file.lfs.as_ref().and_then(|large| large.size).or(file.size);
            (file.rfilename, Listed { size, checksum: etag.and_then(Checksum::parse) })
        });
        Ok(Self { commit: sha, files: files.collect() })
    }

    pub(super) fn get(&self, path: &str) -> Option<&Listed> {
        self.files.get(path)
    }
}

impl Listed {
    /// The same with what the file's own headers say, where the list does not.
    pub(super) fn complete(&self, client: &Client<'_>, url: &str) -> Result<(Option<u64>, Checksum), Error> {
        if let Some(checksum) = self.checksum.clone().filter(|_| self.size.is_some()) {
            return Ok((self.size, checksum));
        }
        let hub = client.ask(url, Ask::Head)?.hub;
        // A redirect's own length is not the file's; the hub says that in a header of its own.
        let is_redirect = hub.contains_key("location");
        let length = text(&hub, "content-length").filter(|_| !is_redirect);
        let size = text(&hub, "x-linked-size").or(length).and_then(|size| size.parse().ok());
        let etag = text(&hub, "x-linked-etag").or_else(|| text(&hub, "etag"));
        match self.checksum.clone().or_else(|| etag.and_then(Checksum::parse)) {
            Some(checksum) => Ok((self.size.or(size), checksum)),
            None => {
                let found = etag.map_or("nothing".to_owned(), |etag| format!("the etag `{etag}`"));
                let message = format!("expected a checksum in the list of files or as an etag, found {found}");
                Err(Kind::NoHub { url: url.to_owned(), message }.into())
            }
        }
    }
}

/// The hub's refusal, and what may help.
pub(super) fn explained(error: Error, client: &Client<'_>, id: &ModelId, revision: &Revision) -> Error {
    let Some((url, status, message)) = error.status() else { return error };
    let page = client.url(&id.as_str().split('/').collect::<Vec<_>>());
    let hint = match (status, client.has_token()) {
        (401 | 403, false) => format!(
            "`{id}` does not exist, is private, or is given only to those who accept its terms at {page}; in the last two \
             cases set HF_TOKEN to a token of yours, or log in with `hf auth login`"
        ),
        (401, true) => format!("the token (HF_TOKEN, or the file `token` in HF_HOME) is not valid, or not for {page}"),
        (403, true) => format!("the token may not read `{id}`: accept its terms at {page}, or take another HF_TOKEN"),
        (404, _) => format!("there is no `{id}` with the revision `{revision}`: see {page}"),
        _ => return error,
    };
    Kind::Refused { url, status, message, hint }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hubs_list() {
        let (commit, sha1, sha256) = ("c".repeat(40), "1".repeat(40), "2".repeat(64));
        let text = format!(
            r#"{{"id": "o/n", "sha": "{commit}", "siblings": [
            {{"rfilename": "config.json", "size": 3, "blobId": "{sha1}"}},
            {{"rfilename": "1_Pooling/config.json"}},
            {{"rfilename": "../../x"}}, {{"rfilename": "/etc/x"}}, {{"rfilename": "a\\b"}}, {{"rfilename": ""}},
            {{"rfilename": "model.safetensors", "size": 134, "blobId": "{sha1}",
              "lfs": {{"sha256": "{sha256}", "size": 9, "pointerSize": 134}}}}]}}"#
        );
        let listing = Listing::parse(text.as_bytes()).expect("it is a list");
        assert_eq!((listing.commit, listing.files.len()), (commit, 3));
        let listed = |size, checksum| Some(Listed { size, checksum });
        assert_eq!(listing.files.get("config.json").cloned(), listed(Some(3), Some(Checksum::Git(sha1))));
        assert_eq!(listing.files.get("1_Pooling/config.json").cloned(), listed(None, None));
        assert_eq!(listing.files.get("model.safetensors").cloned(), listed(Some(9), Some(Checksum::Sha256(sha256))));
        for text in ["", "[]", "<html>", r#"{"sha": "../..", "siblings": []}"#, r#"{"siblings": []}"#] {
            Listing::parse(text.as_bytes()).expect_err("it is no list");
        }
    }
}
