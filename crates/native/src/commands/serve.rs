//! `wembed serve`: an embedding server.

use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use wembed::serve::{
    App, Cache, Demo, Disk, Ends, Entry, Guard, Limits, Listener, Load, Lock, Locked, parse_duration, router,
};
use wembed_model::{EmbedOptions, LoadOptions};

use crate::destination::Destination;
use crate::device::DeviceArguments;
use crate::model::{load, parse_count};
use crate::report;
use crate::source::{Source, chosen, named};

/// Serve embeddings over HTTP
///
/// Speaks OpenAI's form (/v1/embeddings), Ollama's (/api/embed, /api/embeddings) and that of text-embeddings-inference (/embed); a page at / shows
/// what it does. When it can answer it prints one line of JSON: its URL, pid, model, fingerprint and version.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model's directory, or its name on the Hugging Face hub; may be said again. The first is loaded at once and meant where a request
    /// names none, others when they are asked for [default: wembed-mini, which is in this program]
    #[arg(long = "model", value_name = "ID|DIR", env = "WEMBED_MODEL")]
    models: Vec<PathBuf>,
    /// Another name for a model, the first one where none is said
    #[arg(long = "alias", value_name = "NAME[=MODEL]")]
    aliases: Vec<String>,
    /// How long a model stays in memory after its last use, as 5m or 1h30m [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    keep_alive: Option<Duration>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    device: DeviceArguments,

    /// The address to listen at; anything but this machine's own makes it reachable from elsewhere
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", help_heading = "Network")]
    host: IpAddr,
    /// The port to listen at; 0 is any that is free
    #[arg(long, default_value = "8080", help_heading = "Network")]
    port: u16,
    /// Listen at a Unix socket instead
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", help_heading = "Network")]
    unix_socket: Option<PathBuf>,
    /// A file of API keys, a line each, one of which a request must have
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    api_keys: Option<PathBuf>,
    /// Let pages of this origin ask, beside those of this machine and of apps; `*` is all
    #[arg(long = "cors-origin", value_name = "ORIGIN", help_heading = "Network")]
    origins: Vec<String>,

    /// Answer /demo/ with the demo page in this folder, which scripts/build-www makes: its engine runs in the tab
    #[arg(long, value_name = "DIR", help_heading = "Network")]
    demo: Option<PathBuf>,

    /// End when the process that started it does
    #[arg(long, help_heading = "Sidecar")]
    exit_with_parent: bool,
    /// End when standard input does
    #[arg(long, help_heading = "Sidecar")]
    exit_with_stdin: bool,
    /// Run once for all that name this file: a second server prints where the first is, and ends
    #[arg(long, value_name = "FILE", help_heading = "Sidecar")]
    lock: Option<PathBuf>,

    /// Keep vectors in this file, too
    #[arg(long, value_name = "FILE", help_heading = "Cache")]
    cache: Option<PathBuf>,
    /// Megabytes that the file may have, about
    #[arg(long, value_name = "MB", default_value = "1000", value_parser = parse_count, help_heading = "Cache")]
    cache_disk: NonZeroUsize,
    /// Megabytes of vectors that are kept in memory
    #[arg(long, value_name = "MB", default_value = "64", help_heading = "Cache")]
    cache_memory: u64,

    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_count, help_heading = "Limits")]
    deadline: NonZeroUsize,
    /// Megabytes of a request
    #[arg(long, value_name = "MB", default_value = "64", value_parser = parse_count, help_heading = "Limits")]
    max_body: NonZeroUsize,
    /// Texts of a request
    #[arg(long, value_name = "N", default_value = "100000", value_parser = parse_count, help_heading = "Limits")]
    max_texts: NonZeroUsize,
    /// Tokens that may wait for a model; while there are more, requests are refused
    #[arg(long, value_name = "N", default_value = "4194304", value_parser = parse_count, help_heading = "Limits")]
    queue_tokens: NonZeroUsize,

    /// What is said on standard error: error, warn, info (each request), debug
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = ["off", "error", "warn", "info", "debug"], help_heading = "Log")]
    log: String,
    /// The form in which it is said
    #[arg(long, value_enum, default_value = "text", help_heading = "Log")]
    log_format: LogFormat,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Threads that tokenise, and on which the runtime goes on while one of its own parses what is long.
const BLOCKING: usize = 64;

fn megabytes(count: NonZeroUsize) -> usize {
    count.get().saturating_mul(1_000_000)
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("expected a duration, as 90s, 5m or 1h30m")
}

/// Serves until it is told to end.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // First of all, so that a parent that ends meanwhile is not missed.
    let ends = Ends::watch(arguments.exit_with_parent, arguments.exit_with_stdin);
    log(&arguments.log, arguments.log_format)?;
    let lock = match arguments.lock.as_deref().map(Lock::take).transpose()? {
        Some(Locked::Second(mut other)) => {
            other["already_running"] = true.into();
            return say(&other);
        }
        Some(Locked::First(lock)) => Some(lock),
        None => None,
    };
    let mut guard = Guard::new(arguments.host.is_loopback() && !arguments.is_unix(), arguments.origins.clone());
    if let Some(keys) = &arguments.api_keys {
        guard.read_keys(keys)?;
    }
    let disk_bytes = megabytes(arguments.cache_disk) as u64;
    let disk = arguments.cache.as_deref().map(|path| Disk::open(path, disk_bytes)).transpose()?;
    let limits = Limits {
        body_bytes: megabytes(arguments.max_body),
        texts: arguments.max_texts.get(),
        queue_tokens: arguments.queue_tokens.get(),
        deadline: Duration::from_secs(arguments.deadline.get() as u64),
    };
    let cache = Cache::new(arguments.cache_memory.saturating_mul(1_000_000), disk);
    let mut app = App::new(arguments.entries()?, limits, cache);
    app.demo = arguments.demo.clone().map(Demo::open).transpose()?;
    let app = Arc::new(app);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()?;
    let served = runtime.block_on(arguments.serve(&app, guard, lock.as_ref(), ends));
    // What still loads or tokenises is of no use to anybody.
    runtime.shutdown_background();
    served
}

impl Arguments {
    async fn serve(&self, app: &Arc<App>, guard: Guard, lock: Option<&Lock>, ends: Ends) -> anyhow::Result<()> {
        let listener = self.listener().await?;
        let url = listener.url()?;
        let (end, is_ending) = oneshot::channel::<()>();
        let patience = app.limits.deadline + Duration::from_secs(5);
        // Alive from now on; ready when the first model is there.
        let mut serving = pin!(listener.serve(router(app.clone(), guard), async { drop(is_ending.await) }, patience));
        let ready_and_tidy = async {
            self.get_ready(app, url, lock).await?;
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                app.models.unload_idle().await;
            }
        };
        // All three at once: connections are taken while a model is loaded, and while one is unloaded.
        let reason = tokio::select! {
            reason = ends.come() => reason,
            readied = ready_and_tidy => return readied,
            () = &mut serving => bail!("it serves no more"),
        };
        tracing::info!(reason, "ending");
        app.end();
        if let Some(lock) = lock {
            lock.unsay();
        }
        let _ = end.send(());
        let finish = async {
            serving.await;
            // One that is only being loaded has accepted nothing.
            drop(tokio::time::timeout(patience, app.models.end()).await);
        };
        // Who asks a second time does not want to wait.
        tokio::select! {
            () = finish => {}
            reason = Ends::watch(false, false).come() => tracing::warn!(reason, "ending at once"),
        }
        Ok(())
    }

    async fn get_ready(&self, app: &App, url: String, lock: Option<&Lock>) -> anyhow::Result<()> {
        let first = app.load_first().await?;
        let ready = json!({
            "url": url,
            "pid": std::process::id(),
            "model": first.name(),
            "fingerprint": first.kind(&EmbedOptions::default())?.fingerprint.clone(),
            "version": env!("CARGO_PKG_VERSION"),
            "device": first.device.clone(),
            "arithmetic": first.arithmetic.clone(),
        });
        if let Some(lock) = lock {
            lock.say(&ready).context("the lock's file could not be written")?;
        }
        say(&ready)
    }

    #[cfg(unix)]
    fn is_unix(&self) -> bool {
        self.unix_socket.is_some()
    }

    #[cfg(not(unix))]
    fn is_unix(&self) -> bool {
        false
    }

    async fn listener(&self) -> anyhow::Result<Listener> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Listener::unix(path.clone())
                .with_context(|| format!("the socket `{}` could not be made", path.display()));
        }
        let address = SocketAddr::new(self.host, self.port);
        Listener::tcp(address)
            .await
            .with_context(|| format!("{address} could not be listened at: --port 0 takes one that is free"))
    }

    /// The models by their names.
    fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let first = chosen(self.models.first().map(PathBuf::as_path))?.to_owned();
        let mut paths = vec![first];
        paths.extend(self.models.iter().skip(1).cloned());
        let mut entries = Vec::new();
        for path in &paths {
            let name = path.to_str().ok_or_else(|| anyhow!("{}: expected a name in UTF-8", named(path)))?;
            let name = name.trim_end_matches('/').to_owned();
            if entries.iter().any(|entry: &Entry| entry.name == name) {
                bail!("--model: `{name}` is there twice");
            }
            entries.push(Entry::new(name, Vec::new(), self.keep_alive, self.load(path.clone())));
        }
        for alias in &self.aliases {
            let (alias, model) =
                alias.split_once('=').map_or((alias.as_str(), None), |(alias, model)| (alias, Some(model)));
            ensure!(!alias.is_empty(), "--alias: expected a name");
            let entry = match model {
                None => entries.first_mut(),
                Some(model) => entries.iter_mut().find(|entry| entry.name == model.trim_end_matches('/')),
            };
            let entry = entry.ok_or_else(|| {
                anyhow!("--alias {alias}: expected the name of a --model, found `{}`", model.unwrap_or_default())
            })?;
            entry.aliases.push(alias.to_owned());
        }
        Ok(entries)
    }

    fn load(&self, path: PathBuf) -> Load {
        let (source, device) = (self.source.clone(), self.device.clone());
        Arc::new(move || {
            let files = source.open(&path)?;
            Ok(Box::new(load(device.open()?, files, LoadOptions::default()).with_context(|| named(&path))?))
        })
    }
}

/// One line on standard output. Whoever started this may not read it.
fn say(line: &Value) -> anyhow::Result<()> {
    match Destination::standard_output().print(&format!("{line}\n")) {
        Err(error) if report::is_closed_pipe(&error) => Ok(()),
        printed => printed,
    }
}

fn log(level: &str, format: LogFormat) -> anyhow::Result<()> {
    // WEMBED_LOG may say more: a level for a part of it.
    let said = std::env::var("WEMBED_LOG").ok().filter(|said| !said.is_empty());
    let filter = match &said {
        Some(said) => EnvFilter::try_new(said)
            .with_context(|| format!("WEMBED_LOG: expected a filter as wembed=debug is one, found `{said}`"))?,
        None => EnvFilter::new(format!("wembed={level}")),
    };
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
