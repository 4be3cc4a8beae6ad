//! Pipelines, made at first use and kept by kernel and constants.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::kernel::{Kernel, Storage};

/// A compiled kernel with the layout of its one bind group.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub label: &'static str,
    pub compute: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub params_bytes: u64,
}

/// The cache. Its key is the kernel itself (there is one static of each) and the chosen constants, never a name.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    made: RefCell<HashMap<Key, Rc<Pipeline>>>,
}

type Key = (*const Kernel, Vec<u32>);

impl Pipelines {
    pub fn get(
        &self,
        device: &wgpu::Device,
        storage: Storage,
        kernel: &'static Kernel,
        chosen: &[(&'static str, u32)],
    ) -> Rc<Pipeline> {
        let key = (std::ptr::from_ref(kernel), chosen.iter().map(|&(_, value)| value).collect());
        Rc::clone(
            self.made.borrow_mut().entry(key).or_insert_with(|| Rc::new(compile(device, storage, kernel, chosen))),
        )
    }
}

/// Without wgpu's checks of indices and loops, which cost; a browser has its own.
#[allow(unsafe_code)]
fn module(device: &wgpu::Device, label: &str, source: String) -> wgpu::ShaderModule {
    let descriptor =
        wgpu::ShaderModuleDescriptor { label: Some(label), source: wgpu::ShaderSource::Wgsl(source.into()) };
    // SAFETY: what is compiled is wembed's own. Its loops end, and its indices lie within what its launch binds: sizes come from the tensors' own, token
    // ids and places are checked by the host, and tests run every operation between guards, at every size that straddles its tiles; matrices of 16 x 16 on a
    // card alone, by hand.
    unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}

/// Errors go to the device's error scope, which the batch holds.
fn compile(device: &wgpu::Device, storage: Storage, kernel: &Kernel, chosen: &[(&str, u32)]) -> Pipeline {
    let module = module(device, kernel.label, kernel.source(storage, chosen));
    let params_bytes = 4 * kernel.params.len() as u64;
    let entry = |binding, ty, has_dynamic_offset, min_binding_size| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size },
        count: None,
    };
    let storage_type = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let mut entries = vec![
        entry(0, wgpu::BufferBindingType::Uniform, true, wgpu::BufferSize::new(params_bytes)),
        entry(1, storage_type(false), false, None),
    ];
    entries.extend((2..).take(kernel.inputs.len()).map(|binding| entry(binding, storage_type(true), false, None)));
    let layout = device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel.label), entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.label),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let compute = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.label),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        // Every kernel writes what it reads of a workgroup's memory.
        compilation_options: wgpu::PipelineCompilationOptions {
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    });
    Pipeline { label: kernel.label, compute, layout, params_bytes }
}
