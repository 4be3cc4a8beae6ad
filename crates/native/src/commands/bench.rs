//! `wembed bench`: how fast a server answers.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use clap::{Args, value_parser};
use humantime::format_rfc3339_seconds;
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};

use crate::bench::{
    Api, Configuration, InProcess, Kind, Own, Row, Server, Source as Texts, Target, Watch, csv, grid, html, json,
    measure, realistic, requests, slower,
};
use crate::destination::Destination;
use crate::device::DeviceArguments;
use crate::model::{load, parse_count};
use crate::progress;
use crate::replaced::Replaced;
use crate::source::{Source, chosen, named};

/// Measure how fast a server embeds texts
///
/// Starts `wembed serve`, or asks the server at --url, in the 45 configurations of the benchmark of the Python sidecar that wembed replaces: requests of 1 to
/// 64 texts of 500 to 10,000 characters, one after the other, and up to five at a time. Then the same with texts as people write them, in a dozen languages.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model's directory, or its name on the Hugging Face hub; with --url, the name that the server knows it by [default: wembed-mini,
    /// which is in this program]
    #[arg(long, value_name = "ID|DIR", env = "WEMBED_MODEL")]
    model: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    device: DeviceArguments,

    /// Ask the server at this address, and start none
    #[arg(long, value_name = "URL", help_heading = "Server", value_parser = parse_url, conflicts_with_all = OF_OUR_OWN)]
    url: Option<String>,
    /// What that server speaks
    #[arg(long, value_enum, default_value = "openai", help_heading = "Server")]
    api: Api,
    /// The key that it asks for
    #[arg(long, value_name = "KEY", env = "WEMBED_BENCH_KEY", hide_env_values = true, help_heading = "Server")]
    api_key: Option<String>,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_count, help_heading = "Server")]
    timeout: NonZeroUsize,
    /// Without a server, in this process; nothing that a server's figures may be laid beside
    #[arg(long, help_heading = "Server", conflicts_with_all = ["url", "api", "api_key", "timeout"])]
    in_process: bool,

    /// Fewer configurations and requests
    #[arg(long, help_heading = "Extent")]
    quick: bool,
    /// Clients at a time
    #[arg(long, value_name = "N", default_value = "5", value_parser = value_parser!(u8).range(1..=5), help_heading = "Extent")]
    max_threads: u8,
    /// Characters of a text at most, at least 500
    #[arg(long, value_name = "N", default_value = "10000", value_parser = value_parser!(u32).range(500..), help_heading = "Extent")]
    max_size: u32,

    /// Write the 45 rows here, in the columns of the sidecar's benchmark
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    export_csv: Option<PathBuf>,
    /// Write all of it here, in the fields of the sidecar's benchmark, and what that did not have under `wembed`
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    export_json: Option<PathBuf>,
    /// Write a page with charts here, the sidecar's figures beside these
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    export_html: Option<PathBuf>,
    /// Say what is slower than in this file, which --export-json wrote or the sidecar's benchmark did
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    compare: Option<PathBuf>,
}

/// What says how a server of our own is started.
const OF_OUR_OWN: [&str; 7] = ["revision", "offline", "device", "dtype", "threads", "instructions", "matrices"];

fn parse_url(url: &str) -> Result<String, &'static str> {
    let is_one = url.starts_with("http://") || url.starts_with("https://");
    if is_one { Ok(url.to_owned()) } else { Err("expected an address as http://127.0.0.1:8080") }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(!arguments.device.kernel_times, "--kernel-times: bench has none; `wembed embed --kernel-times` says them");
    // Before minutes are spent.
    let file = |path: &Option<PathBuf>| path.as_deref().map(Replaced::at).transpose();
    let (csv_file, json_file) = (file(&arguments.export_csv)?, file(&arguments.export_json)?);
    let html_file = file(&arguments.export_html)?;
    if let Some(path) = &arguments.compare {
        slower(path, &[])?;
    }
    let Measured { rows, realistic, about } = arguments.measured()?;
    if let Some(file) = csv_file {
        file.write(&csv(&rows)?)?;
    }
    if let Some(file) = html_file {
        file.write(html(&rows, &realistic, &about)?.as_bytes())?;
    }
    if let Some(file) = json_file {
        file.write(format!("{:#}\n", json(&rows, &realistic, about)).as_bytes())?;
    }
    if let Some(path) = &arguments.compare {
        print(&comparison(path, &rows)?)?;
    }
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    Destination::standard_output().print(text)
}

/// What was measured, and on what.
struct Measured {
    rows: Vec<Row>,
    realistic: Vec<Row>,
    about: Map<String, Value>,
}

impl Arguments {
    fn measured(&self) -> anyhow::Result<Measured> {
        if self.in_process {
            return self.in_process();
        }
        let own = if self.url.is_none() { Some(Own::start(&self.server_flags())?) } else { None };
        let watch = own.as_ref().map(|own| Watch::of(own.pid()));
        let url = own.as_ref().map_or_else(|| self.url.as_deref().unwrap_or_default(), |own| own.said("url"));
        let named = self.model.as_deref().and_then(Path::to_str);
        let model = own.as_ref().map(|own| own.said("model")).or(named);
        let timeout = Duration::from_secs(self.timeout.get() as u64);
        let server = Server::new(url, self.api, model, self.api_key.clone(), timeout);
        let mut measured = self.grid(&server, Kind::Serial)?;
        let about = &mut measured.about;
        about.insert("server".to_owned(), own.as_ref().map_or_else(|| json!({ "url": url }), |own| own.ready.clone()));
        if let Some(own) = &own {
            about.insert("startSeconds".to_owned(), own.start.as_secs_f64().into());
        }
        if let Some(bytes) = watch.and_then(|watch| watch.most()) {
            about.insert("residentBytes".to_owned(), bytes.into());
            print(&format!("\nat most {} MB in memory\n", bytes / 1_000_000))?;
        }
        Ok(measured)
    }

    fn in_process(&self) -> anyhow::Result<Measured> {
        let started = Instant::now();
        let path = chosen(self.model.as_deref())?;
        let files = self.source.open(path)?;
        let model = load(self.device.open()?, files, Default::default()).with_context(|| named(path))?;
        let start = started.elapsed();
        let (device, arithmetic) = (model.device(), model.arithmetic());
        let mut measured = self.grid(&InProcess::new(model), Kind::InProcess)?;
        measured.about.insert("startSeconds".to_owned(), start.as_secs_f64().into());
        measured.about.insert("device".to_owned(), device.into());
        measured.about.insert("arithmetic".to_owned(), arithmetic.into());
        Ok(measured)
    }

    /// All configurations; those of several clients where there are such.
    fn grid<T: Target>(&self, target: &T, serial: Kind) -> anyhow::Result<Measured> {
        let is_taken = |it: &Configuration| serial == Kind::Serial || it.kind == Kind::Serial;
        let kind = |it: Configuration| match it.kind {
            Kind::Serial => Configuration { kind: serial, ..it },
            _ => it,
        };
        let taken = |all: Vec<Configuration>| all.into_iter().filter(is_taken).map(kind).collect::<Vec<_>>();
        let (threads, quick) = (usize::from(self.max_threads), self.quick);
        let configurations = taken(grid(quick, threads, self.max_size as usize));
        let of_all_lengths = taken(realistic(quick, threads));
        let mut texts = Texts::default();
        let started = Instant::now();
        // What cannot answer this cannot be measured.
        target.ask(&texts.texts(1, 100))?;
        let first = started.elapsed().as_secs_f64();
        let count = configurations.iter().chain(&of_all_lengths).map(requests).sum();
        let bar = progress::requests(count);
        print(HEADER)?;
        let mut run = |all: Vec<Configuration>| -> anyhow::Result<Vec<Row>> {
            all.into_iter().map(|it| measured_and_said(target, it, &mut texts, &bar)).collect()
        };
        let (rows, realistic) = (run(configurations)?, run(of_all_lengths)?);
        bar.finish_and_clear();
        let about = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            "commandLine": std::env::args().collect::<Vec<_>>(),
            "date": format_rfc3339_seconds(SystemTime::now()).to_string(),
            "firstVectorSeconds": first,
        });
        let about = about.as_object().cloned().unwrap_or_default();
        Ok(Measured { rows, realistic, about })
    }

    /// What the server that is measured is started with.
    fn server_flags(&self) -> Vec<OsString> {
        let model = self.model.iter().flat_map(|model| [OsString::from("--model"), model.into()]);
        model.chain(self.source.flags()).chain(self.device.flags()).collect()
    }
}

const HEADER: &str = "requests    characters  texts  clients     avg ms     p95 ms    texts/s  answered\n";

fn measured_and_said<T: Target>(
    target: &T,
    configuration: Configuration,
    texts: &mut Texts,
    bar: &ProgressBar,
) -> anyhow::Result<Row> {
    let row = measure(target, configuration, texts, &|| bar.inc(1));
    let characters =
        if configuration.characters == 0 { "mixed".to_owned() } else { configuration.characters.to_string() };
    let line = format!(
        "{:<10}  {characters:>10}  {:>5}  {:>7}  {:>9.1}  {:>9.1}  {:>9.2}  {:>6.1} %\n",
        configuration.kind.name(),
        configuration.batch,
        configuration.threads,
        row.average(),
        row.percentile(95.0),
        row.texts_per_second(),
        row.success_rate()
    );
    bar.suspend(|| print(&line))?;
    if let Some(failure) = &row.failure {
        bar.suspend(|| crate::report::say(failure));
    }
    Ok(row)
}

/// What got slower, in words.
fn comparison(path: &Path, rows: &[Row]) -> anyhow::Result<String> {
    let (found, compared) = slower(path, rows)?;
    let mut words =
        format!("\nof {compared} rows that `{}` has, too, {} are slower by 5 % or more\n", path.display(), found.len());
    for it in found {
        let configuration = it.row.configuration;
        let now = it.row.texts_per_second();
        words.push_str(&format!(
            "{} {} characters, {} texts, {} clients: {:.2} texts/s, {:.2} before ({:.2}x)\n",
            configuration.kind.name(),
            configuration.characters,
            configuration.batch,
            configuration.threads,
            now,
            it.before,
            now / it.before
        ));
    }
    Ok(words)
}
