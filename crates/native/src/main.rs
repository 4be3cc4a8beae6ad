//! The `wembed` command.

mod agreement;
mod answer;
mod arguments;
mod bench;
mod commands;
mod destination;
mod device;
mod footprint;
mod formats;
mod kernel_times;
mod metrics;
mod model;
mod model_folder;
mod new_model;
mod output;
mod pack;
mod partial;
mod passages;
mod precision;
mod progress;
mod prompts;
mod published;
mod quantize;
mod record;
mod replaced;
mod report;
mod source;
mod synthetic;
mod table;
mod tally;
mod texts;
mod trial;
mod tuning;
mod version;

use std::process::ExitCode;

/// What a shell says of a program that a closed pipe ended: 128 + SIGPIPE.
const CLOSED_PIPE: u8 = 141;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    without_a_display();
    let command = match arguments::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    match command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if report::is_closed_pipe(&error) => ExitCode::from(CLOSED_PIPE),
        Err(error) => {
            report::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Mesa's device-select layer looks for a display wherever Vulkan is loaded, and where there is none it complains on standard error.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the environment is changed before there is a second thread")]
fn without_a_display() {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    if !["DISPLAY", "WAYLAND_DISPLAY", "NODEVICE_SELECT"].into_iter().any(is_set) {
        // SAFETY: no other thread runs yet that could read it.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
