//! What was measured on, and how: what figures mean nothing without.

use std::env;
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use serde_json::{Map, Value, json};
use sysinfo::{CpuRefreshKind, System};

use super::command_line::shown;
use super::written::Extent;

/// Of this program, this machine and these texts.
pub fn facts(seed: u64) -> Map<String, Value> {
    let mut system = System::new();
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    let cpus = system.cpus();
    let Extent { texts, languages, least, median, most, mean } = Extent::of_all();
    let facts = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", env::consts::OS, env::consts::ARCH),
        "processor": cpus.first().map(|cpu| cpu.brand().trim()).filter(|brand| !brand.is_empty()),
        "cores": System::physical_core_count(),
        "hardwareThreads": cpus.len(),
        "commandLine": shown(env::args_os().map(|word| word.to_string_lossy().into_owned())),
        "date": format_rfc3339_seconds(SystemTime::now()).to_string(),
        "seed": seed,
        "realisticTexts": {
            "texts": texts,
            "languages": languages,
            "minCharacters": least,
            "medianCharacters": median,
            "maxCharacters": most,
            "meanCharacters": mean,
        },
    });
    facts.as_object().cloned().unwrap_or_default()
}

/// A fact: what the server says of itself, else what is known without it.
pub fn fact<'a>(about: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let servers = about.get("server").and_then(|server| server.get(name));
    servers.or_else(|| about.get(name)).filter(|value| !value.is_null())
}

/// Of the clock, in microseconds: small enough for readers of JSON that know no whole numbers.
pub fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_micros() as u64 & ((1 << 53) - 1)
}
