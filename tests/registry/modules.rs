//! The modules: each kernel's source for each storage that it is compiled for and each set of constants, parsed, validated
//! and written out for reading.

use std::path::PathBuf;

use naga::back::spv;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use wembed_kernels::gpu::{Constants, Kernel, Need, Reads, Storage, kernels};

/// One kernel as a device gets it.
pub struct Linked {
    pub kernel: &'static Kernel,
    pub storage: Storage,
    pub choice: Constants,
    pub source: String,
    pub module: naga::Module,
    pub info: ModuleInfo,
}

impl Linked {
    /// The label, then the storage and the choice where there are several.
    pub fn name(&self) -> String {
        let mut name = self.kernel.label.to_owned();
        if self.kernel.weights != Reads::Nothing {
            name.push_str(match self.storage {
                Storage::F16 => ".f16",
                Storage::F16Packed => ".f16_packed",
                Storage::F32 => ".f32",
                Storage::Int8 => ".int8",
            });
        }
        for (constant, value) in self.choice {
            name.push_str(&format!(".{}_{value}", constant.to_lowercase()));
        }
        name
    }
}

/// What WebGPU always has, `shader-f16` for the one storage that needs it, and what the kernel itself says.
fn capabilities(kernel: &Kernel, storage: Storage) -> Capabilities {
    let f16 = kernel.weights != Reads::Nothing && storage == Storage::F16;
    let needed = match kernel.needs {
        Need::Nothing | Need::Dots => Capabilities::empty(),
        Need::F16 => Capabilities::SHADER_FLOAT16,
        Need::Subgroups => Capabilities::SUBGROUP,
        Need::Matrices(_) => Capabilities::COOPERATIVE_MATRIX | Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16,
    };
    let base = Capabilities::SHADER_FLOAT16_IN_FLOAT32 | needed;
    if f16 { base | Capabilities::SHADER_FLOAT16 } else { base }
}

/// Parses and validates.
pub fn validated(source: &str, capabilities: Capabilities) -> Result<(naga::Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| error.emit_to_string(source))?;
    Ok((module, info))
}

/// All modules that a browser may get.
pub fn portable() -> impl Iterator<Item = Linked> {
    modules().into_iter().filter(|linked| matches!(linked.kernel.needs, Need::Nothing | Need::F16))
}

/// All modules.
pub fn modules() -> Vec<Linked> {
    let mut modules = Vec::new();
    for kernel in kernels() {
        for &storage in kernel.storages() {
            for &choice in kernel.choices {
                let source = kernel.source(storage, choice);
                let (module, info) = validated(&source, capabilities(kernel, storage))
                    .unwrap_or_else(|fault| panic!("{}, {storage:?}, {choice:?}: {fault}", kernel.label));
                modules.push(Linked { kernel, storage, choice, source, module, info });
            }
        }
    }
    modules
}

/// target/shaders.
pub fn folder() -> PathBuf {
    let temporary = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = temporary.parent().expect("it lies in the target folder").join("shaders");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

#[test]
fn every_kernel_validates_and_becomes_spirv() {
    let folder = folder();
    for linked in modules() {
        let name = linked.name();
        std::fs::write(folder.join(format!("{name}.wgsl")), &linked.source).unwrap();
        let words = spv::write_vec(&linked.module, &linked.info, &spv::Options::default(), None)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        std::fs::write(folder.join(format!("{name}.spv")), bytes).unwrap();
    }
}

/// The check can fail: a module that needs what not every device has, and one that is no WGSL.
#[test]
fn what_needs_more_than_webgpu_is_refused() {
    let main = "@compute @workgroup_size(1) fn main() { var x = y; }";
    for (needs, declaration) in [
        ("shader-f16", "enable f16; const y = 1h;"),
        ("f64", "const y = 1.0lf;"),
        ("i64", "const y = 1li;"),
        ("nothing that exists", "const y = nonsense;"),
    ] {
        let source = format!("{declaration}\n{main}");
        assert!(validated(&source, Capabilities::SHADER_FLOAT16_IN_FLOAT32).is_err(), "{needs}: {source}");
    }
    let subgroups = "@compute @workgroup_size(1) fn main() { let x = subgroupAdd(1u); }";
    assert!(validated(subgroups, Capabilities::SHADER_FLOAT16_IN_FLOAT32).is_err());
    assert!(validated(&format!("const y = 1;{main}"), Capabilities::SHADER_FLOAT16_IN_FLOAT32).is_ok());
}
