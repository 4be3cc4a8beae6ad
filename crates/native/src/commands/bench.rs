//! `wembed bench`: how fast a server answers.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, value_parser};
use indicatif::ProgressBar;
use pollster::block_on;
use serde_json::{Map, Value};
use ureq::http::Uri;
use wembed_model::EmbedOptions;

use crate::bench::{
    Api, Clients, Configuration, Earlier, Extent, InProcess, Kind, Load, Own, Row, Server, Source as Texts, Target,
    Watch, csv, facts, grid, html, json, measure, realistic, seed, work,
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
/// 64 texts of 500 to 10,000 characters, one after the other, and up to five at a time. Then the same with texts as people write them, in several languages.
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
    /// Say what is slower than in this file, which --export-json wrote or the sidecar's benchmark did, and what was another model or machine
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    compare: Option<PathBuf>,
}

/// What says how a server of our own is started.
const OF_OUR_OWN: [&str; 7] = ["revision", "offline", "device", "dtype", "threads", "instructions", "matrices"];

fn parse_url(url: &str) -> Result<String, &'static str> {
    let is_one = url.parse().is_ok_and(|uri: Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    });
    // A parser of addresses drops what is behind `#`.
    if is_one && !url.contains('#') {
        Ok(url.to_owned())
    } else {
        Err("expected an address as http://127.0.0.1:8080, and no query")
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(!arguments.device.kernel_times, "--kernel-times: bench has none; `wembed embed --kernel-times` says them");
    // Before minutes are spent.
    let file = |path: &Option<PathBuf>| path.as_deref().map(Replaced::at).transpose();
    let (csv_file, json_file) = (file(&arguments.export_csv)?, file(&arguments.export_json)?);
    let html_file = file(&arguments.export_html)?;
    let earlier = arguments.compare.as_deref().map(Earlier::read).transpose()?;
    let plan = arguments.plan();
    if let Some(earlier) = &earlier {
        earlier.has_any(plan.all())?;
    }
    let Measured { rows, realistic, about } = arguments.measured(&plan)?;
    if let Some(file) = json_file {
        file.write(format!("{:#}\n", json(&rows, &realistic, about.clone())).as_bytes())?;
    }
    if let Some(file) = csv_file {
        file.write(&csv(&rows)?)?;
    }
    if let Some(file) = html_file {
        file.write(html(&rows, &realistic, &about)?.as_bytes())?;
    }
    let all: Vec<&Row> = rows.iter().chain(&realistic).collect();
    if let Some(earlier) = earlier {
        print(&earlier.comparison(&all, &about))?;
    }
    all_answered(&all)
}

/// # Errors
/// Where all requests of a configuration failed.
fn all_answered(rows: &[&Row]) -> anyhow::Result<()> {
    let mut without = rows.iter().filter(|row| row.successes() == 0);
    let Some(first) = without.next() else { return Ok(()) };
    let (count, all) = (1 + without.count(), rows.len());
    bail!("{count} of {all} configurations had no answer; the first: {}", first.failure.as_deref().unwrap_or_default())
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

impl Measured {
    fn say(&mut self, name: &str, value: impl Into<Value>) {
        self.about.insert(name.to_owned(), value.into());
    }

    fn say_memory(&mut self, watch: Option<Watch>) -> anyhow::Result<()> {
        let Some(bytes) = watch.and_then(|watch| watch.most()) else { return Ok(()) };
        self.say("residentBytes", bytes);
        print(&format!("\nat most {:.0} MB in memory\n", 1e-6 * bytes as f64))
    }
}

/// What is to be measured.
struct Plan {
    rows: Vec<Configuration>,
    realistic: Vec<Configuration>,
}

impl Plan {
    fn all(&self) -> impl Iterator<Item = &Configuration> {
        self.rows.iter().chain(&self.realistic)
    }

    /// Clients at once.
    fn clients(&self) -> usize {
        self.all().map(|it| it.threads).max().unwrap_or(1)
    }

    /// Tokens that are under way at once: of a character there are at most as many as it has bytes, and a few begin and end a text.
    fn tokens(&self) -> usize {
        let longest = Extent::of_all().most;
        let of_a_text = |it: &Configuration| 4 * if it.characters == 0 { longest } else { it.characters } + 100;
        self.all().map(|it| it.threads * it.batch * of_a_text(it)).max().unwrap_or_default()
    }
}

impl Arguments {
    /// All configurations; those of several clients where there are such.
    fn plan(&self) -> Plan {
        let serial = if self.in_process { Kind::InProcess } else { Kind::Serial };
        let is_taken = |it: &Configuration| !self.in_process || it.kind == Kind::Serial;
        let kind = |it: Configuration| match it.kind {
            Kind::Serial => Configuration { kind: serial, ..it },
            _ => it,
        };
        let taken = |all: Vec<Configuration>| all.into_iter().filter(is_taken).map(kind).collect();
        let (threads, quick) = (usize::from(self.max_threads), self.quick);
        Plan { rows: taken(grid(quick, threads, self.max_size as usize)), realistic: taken(realistic(quick, threads)) }
    }

    fn measured(&self, plan: &Plan) -> anyhow::Result<Measured> {
        if self.in_process {
            return self.in_process(plan);
        }
        let load = Load { deadline: self.timeout.get(), tokens: plan.tokens() };
        let own = if self.url.is_none() { Some(Own::start(&self.server_flags(), load)?) } else { None };
        let watch = own.as_ref().map(|own| Watch::of(own.pid()));
        let url = own.as_ref().map_or_else(|| self.url.as_deref().unwrap_or_default(), |own| own.said("url"));
        let named = self.model.as_deref().and_then(Path::to_str);
        let model = own.as_ref().map(|own| own.said("model")).or(named);
        let timeout = Duration::from_secs(self.timeout.get() as u64);
        let clients = Clients { most: plan.clients(), key: self.api_key.clone(), timeout };
        let server = Server::new(url, self.api, model, clients);
        let mut measured = run_all(&server, plan)?;
        match &own {
            Some(own) => {
                measured.say("server", own.ready.clone());
                measured.say("startSeconds", own.start.as_secs_f64());
            }
            None => measured.say("server", server.said()),
        }
        measured.say_memory(watch)?;
        Ok(measured)
    }

    fn in_process(&self, plan: &Plan) -> anyhow::Result<Measured> {
        let watch = Watch::of(std::process::id());
        let started = Instant::now();
        let path = chosen(self.model.as_deref())?;
        let files = self.source.open(path)?;
        let model = load(self.device.open()?, files, Default::default()).with_context(|| named(path))?;
        let start = started.elapsed();
        let (device, arithmetic) = (model.device(), model.arithmetic());
        let fingerprint = block_on(model.fingerprint(&EmbedOptions::default())).with_context(|| named(path))?;
        let mut measured = run_all(&InProcess::new(model), plan)?;
        measured.say("startSeconds", start.as_secs_f64());
        measured.say("model", path.to_string_lossy());
        measured.say("fingerprint", fingerprint.to_string());
        measured.say("device", device);
        measured.say("arithmetic", arithmetic);
        measured.say_memory(Some(watch))?;
        Ok(measured)
    }

    /// What the server that is measured is started with.
    fn server_flags(&self) -> Vec<OsString> {
        let model = self.model.iter().flat_map(|model| [OsString::from("--model"), model.into()]);
        model.chain(self.source.flags()).chain(self.device.flags()).collect()
    }
}

const HEADER: &str = "requests    characters  texts  clients     avg ms     p95 ms    texts/s  answered\n";

fn run_all<T: Target>(target: &T, plan: &Plan) -> anyhow::Result<Measured> {
    let seed = seed();
    let mut texts = Texts::new(seed);
    let started = Instant::now();
    // What cannot answer this cannot be measured.
    target.ask(&texts.texts(1, 100))?;
    let first = started.elapsed().as_secs_f64();
    let bar = progress::characters(plan.all().map(work).sum());
    print(HEADER)?;
    let mut run = |all: &[Configuration]| -> anyhow::Result<Vec<Row>> {
        all.iter().map(|it| measured_and_said(target, *it, &mut texts, &bar)).collect()
    };
    let (rows, realistic) = (run(&plan.rows)?, run(&plan.realistic)?);
    bar.finish_and_clear();
    let mut measured = Measured { rows, realistic, about: facts(seed) };
    measured.say("firstVectorSeconds", first);
    Ok(measured)
}

fn measured_and_said<T: Target>(
    target: &T,
    configuration: Configuration,
    texts: &mut Texts,
    bar: &ProgressBar,
) -> anyhow::Result<Row> {
    let row = measure(target, configuration, texts, &|characters| bar.inc(characters));
    let line = format!(
        "{:<10}  {:>10}  {:>5}  {:>7}  {:>9.1}  {:>9.1}  {:>9.2}  {:>6.1} %\n",
        configuration.kind.name(),
        configuration.said(),
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
