//! Where the hub and its cache are, as Hugging Face's own libraries read it from the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fmt, fs, io};

use super::Error;
use super::error::Kind;

/// Where the hub and its cache are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hub's address, without a `/` at its end.
    pub endpoint: String,
    /// The folder of the cache.
    pub cache: PathBuf,
    /// Who asks.
    pub token: Option<Token>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// The wait before a second try; it doubles with each further one.
    pub patience: Duration,
    /// How long a server may say nothing before the connection counts as cut.
    pub silence: Duration,
}

/// A secret that says to the hub who asks. It goes to the hub's own address and nowhere else, and is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token in `text`; nothing where that is blank.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// What goes into the header `Authorization`.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

impl Settings {
    /// What the environment says: `HF_ENDPOINT`; `HF_HUB_CACHE`, else `HF_HOME`, else the user's cache; `HF_TOKEN`, else
    /// the file that `HF_TOKEN_PATH` names or `hf auth login` writes; `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// Where the file with the token cannot be read, the address is none, or there is no home to keep a cache in.
    pub fn from_environment() -> Result<Self, Error> {
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(Kind::Endpoint { found: endpoint }.into());
        }
        let home = home();
        let in_home = |path: &str| home.as_ref().map(|home| home.join(path)).ok_or(Kind::NoHome);
        let cache = match path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE")) {
            Some(cache) => cache,
            None => in_home("hub")?,
        };
        let token = variable("HF_TOKEN").or_else(|| variable("HUGGING_FACE_HUB_TOKEN"));
        let token = match token.as_deref().and_then(Token::parse) {
            Some(token) => Some(token),
            None if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") => None,
            None => match path("HF_TOKEN_PATH").or_else(|| in_home("token").ok()) {
                Some(path) => token_file(&path)?,
                None => None,
            },
        };
        let offline = is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE");
        let (patience, silence) = (Duration::from_secs(1), Duration::from_secs(60));
        Ok(Self { endpoint, cache, token, offline, patience, silence })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A path, with the user's home for a `~` at its beginning.
fn path(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(name).filter(|value| !value.is_empty())?);
    match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(rest), Some(home)) => Some(home.join(rest)),
        _ => Some(path),
    }
}

/// What Python takes for true.
fn is_set(name: &str) -> bool {
    variable(name).is_some_and(|value| matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"))
}

/// The folder of everything that Hugging Face keeps.
fn home() -> Option<PathBuf> {
    let usual = || path("XDG_CACHE_HOME").or_else(|| Some(env::home_dir()?.join(".cache")));
    path("HF_HOME").or_else(|| Some(usual()?.join("huggingface")))
}

fn token_file(path: &Path) -> Result<Option<Token>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Token::parse(&text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(Kind::Cache { path: path.to_owned(), action: "be read", source }.into()),
    }
}
