//! Who may ask: by key, by the host that is asked for, by the page that asks.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, ensure};
use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::demo;
use super::problem::Problem;

/// What is let through.
#[derive(Default)]
pub struct Guard {
    /// SHA-256 of the keys; without any nobody needs one.
    keys: Vec<[u8; 32]>,
    /// Whether only names of this machine are answered, so that no page reaches it by a name of its own.
    only_local_names: bool,
    /// Origins beside the usual ones; `*` for all.
    origins: Vec<String>,
}

/// Schemes of apps that hold pages of their own: those that Ollama allows.
const APPS: [&str; 5] = ["app://", "file://", "tauri://", "vscode-webview://", "vscode-file://"];

/// What needs no key.
const OPEN: [&str; 5] = ["/", "/live", "/ready", "/health", "/metrics"];

impl Guard {
    /// Lets in whoever asks for a name of this machine, where it is said, and pages of these origins beside the usual ones.
    pub fn new(only_local_names: bool, origins: Vec<String>) -> Self {
        Self { keys: Vec::new(), only_local_names, origins }
    }

    /// Reads keys, a line each.
    ///
    /// # Errors
    /// Where the file cannot be read, or has none.
    pub fn read_keys(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = format!("`{}`", path.display());
        let text = std::fs::read_to_string(path).with_context(|| format!("the keys in {name} could not be read"))?;
        self.keys = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(hash).collect();
        ensure!(!self.keys.is_empty(), "{name}: expected API keys, a line each, found none");
        Ok(())
    }

    /// Whether a request may come in.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
        if let Some(host) = host.filter(|host| self.only_local_names && !is_local(host)) {
            return Err(Problem::Forbidden(format!(
                "expected a name of this machine as the host, found `{host:.100}`"
            )));
        }
        // A page of another origin need not read the answer to do harm. This server's own comes from the host that it asks, whatever that is called.
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
        let is_own = |origin: &str| host.is_some() && origin.split_once("://").map(|(_, host)| host) == host;
        if let Some(origin) = origin.filter(|origin| !is_own(origin) && !self.takes_origin(origin)) {
            return Err(Problem::Forbidden(format!(
                "expected a page of this machine or of an app, found one of `{origin:.100}`: --cors-origin lets it ask"
            )));
        }
        if self.keys.is_empty()
            || OPEN.contains(&path)
            || path.starts_with(demo::PATH)
            || path == demo::PATH.trim_end_matches('/')
        {
            return Ok(());
        }
        let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key =
            key.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        // Every key is compared, and all of it: what takes time tells nothing.
        let found = hash(key.map_or("", |(_, key)| key.trim()));
        let is_known = self.keys.iter().fold(Choice::from(0), |known, key| known | key.ct_eq(&found));
        if bool::from(is_known) { Ok(()) } else { Err(Problem::Unauthorized) }
    }

    /// Whether pages of an origin may ask: of this machine, of apps, and those that were named.
    pub fn takes_origin(&self, origin: &str) -> bool {
        let is_own = || {
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            host.is_some_and(is_local)
        };
        APPS.iter().any(|scheme| origin.starts_with(scheme))
            || self.origins.iter().any(|it| it == "*" || it == origin)
            || is_own()
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Whether a host, with or without a port, is this machine by its own names, or an address.
fn is_local(host: &str) -> bool {
    let name = host.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or_else(
        || host.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(host, |(name, _)| name),
        |(name, _)| name,
    );
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.is_empty()
        || name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(is_this_machine)
}

fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]:80",
            "::1",
            "0.0.0.0",
            "app.localhost:3",
            "LOCALHOST.",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in ["example.org", "localhost.example.org", "8.8.8.8:80", "127.0.0.1.example.org", "[2001:db8::1]:80"]
        {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn origins_of_apps_and_of_this_machine() {
        let guard = Guard { origins: vec!["https://example.org".to_owned()], ..Guard::default() };
        for origin in [
            "app://obsidian.md",
            "tauri://localhost",
            "file://",
            "vscode-webview://x",
            "http://localhost:5173",
            "https://127.0.0.1",
            "https://example.org",
        ] {
            assert!(guard.takes_origin(origin), "{origin}");
        }
        for origin in ["https://example.com", "https://localhost.example.com", "null", "https://example.org.evil.com"] {
            assert!(!guard.takes_origin(origin), "{origin}");
        }
    }
}
