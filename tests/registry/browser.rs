//! The source as a browser takes it: WGSL alone, directives first.

use naga::back::wgsl::{WriterFlags, write_string};
use naga::valid::Capabilities;
use wembed_kernels::gpu::{Need, Reads, Storage};

use crate::modules::{folder, portable, validated};

/// A source's lines without comments and empty lines.
fn code(source: &str) -> Vec<&str> {
    source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn f16_is_enabled_first_and_only_where_it_is_used() {
    for linked in portable() {
        let (name, lines) = (linked.name(), code(&linked.source));
        let f16 = linked.kernel.needs == Need::F16
            || linked.kernel.weights != Reads::Nothing && linked.storage == Storage::F16;
        assert_eq!(lines[0] == "enable f16;", f16, "{name}: begins with `{}`", lines[0]);
        let directives = lines
            .iter()
            .skip(usize::from(f16))
            .find(|line| ["enable ", "requires ", "diagnostic("].iter().any(|word| line.starts_with(word)));
        assert_eq!(directives, None, "{name}");
        assert_eq!(linked.source.contains("f16>") || linked.source.contains("= f16;"), f16, "{name}: uses f16");
    }
}

/// What naga writes from what it read is WGSL too, and the same module.
#[test]
fn every_kernel_survives_being_written_as_wgsl() {
    let folder = folder();
    for linked in portable() {
        let name = linked.name();
        let written = write_string(&linked.module, &linked.info, WriterFlags::EXPLICIT_TYPES)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        std::fs::write(folder.join(format!("{name}.naga.wgsl")), &written).unwrap();
        let (again, _) = validated(&written, Capabilities::SHADER_FLOAT16_IN_FLOAT32 | Capabilities::SHADER_FLOAT16)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(again.global_variables.len(), linked.module.global_variables.len(), "{name}");
        assert_eq!(again.entry_points.len(), 1, "{name}");
    }
}
