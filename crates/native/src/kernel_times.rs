//! `--kernel-times`: how long each kernel ran.

use wembed_kernels::gpu::{GpuEngine, KernelTime};

use crate::report;
use crate::table::table;

/// Says it on standard error.
pub fn report(engine: &GpuEngine) {
    let info = engine.info();
    if !info.features.contains(&"timestamp-query") {
        report::say(format_args!("`{}` has no timestamps: no kernel times", info.name));
        return;
    }
    let times = engine.kernel_times();
    let all: f64 = times.iter().map(|time| time.seconds).sum();
    let row = |time: &KernelTime| {
        // A clock may be too coarse to see a kernel.
        let rate = |amount: f64| match time.seconds {
            0.0 => "-".to_owned(),
            seconds => format!("{:.1}", amount / seconds / 1e9),
        };
        vec![
            time.label.to_owned(),
            time.launches.to_string(),
            format!("{:.3}", time.seconds * 1e3),
            format!("{:.1} %", 100.0 * time.seconds / all.max(f64::MIN_POSITIVE)),
            rate(time.cost.flops),
            rate(time.cost.bytes),
        ]
    };
    let header = ["kernel", "launches", "ms", "share", "GFLOP/s", "GB/s"];
    let rows = times.iter().map(row).collect();
    report::say(format_args!("kernel times on `{}`\n{}", info.name, table(&header, rows, 1..6)));
}
