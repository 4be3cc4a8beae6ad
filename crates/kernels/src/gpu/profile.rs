//! How long each kernel ran, by the device's own clock.

use std::collections::BTreeMap;
use std::pin::Pin;

use super::recording::{Cost, map};

/// All launches of one kernel since the engine was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KernelTime {
    /// The kernel's label.
    pub label: &'static str,
    /// How often it ran.
    pub launches: u64,
    /// How long in all, by the device's clock.
    pub seconds: f64,
    /// What it had to do at least.
    pub cost: Cost,
}

/// Sums by label.
#[derive(Debug, Default)]
pub(super) struct Profile(BTreeMap<&'static str, KernelTime>);

impl Profile {
    pub fn add(&mut self, times: Vec<KernelTime>) {
        for time in times {
            let sum =
                self.0.entry(time.label).or_insert_with(|| KernelTime { label: time.label, ..Default::default() });
            sum.launches += time.launches;
            sum.seconds += time.seconds;
            sum.cost.flops += time.cost.flops;
            sum.cost.bytes += time.cost.bytes;
        }
    }

    /// The longest first.
    pub fn times(&self) -> Vec<KernelTime> {
        let mut times: Vec<_> = self.0.values().cloned().collect();
        times.sort_by(|left, right| right.seconds.total_cmp(&left.seconds));
        times
    }
}

/// The most timestamps a query set holds.
const MOST_QUERIES: u32 = wgpu::QUERY_SET_MAX_QUERIES;

/// The timestamps of one submit: two a pass, one pass a kernel.
pub(super) struct Timer {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readback: wgpu::Buffer,
    passes: Vec<(&'static str, Cost)>,
    mapped: Option<Mapped>,
}

type Mapped = Pin<Box<dyn Future<Output = Result<(), ()>>>>;

impl Timer {
    pub fn new(device: &wgpu::Device, passes: usize) -> Self {
        let count = (2 * passes as u32).min(MOST_QUERIES);
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: 8 * u64::from(count),
                usage,
                mapped_at_creation: false,
            })
        };
        Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count,
            }),
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            readback: buffer(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ),
            passes: Vec::new(),
            mapped: None,
        }
    }

    /// A pass for one kernel, timed while there is room.
    pub fn begin_pass<'e>(
        &mut self,
        encoder: &'e mut wgpu::CommandEncoder,
        label: &'static str,
        cost: Cost,
    ) -> wgpu::ComputePass<'e> {
        let first = 2 * self.passes.len() as u32;
        if first + 2 > MOST_QUERIES {
            return encoder.begin_compute_pass(&Default::default());
        }
        self.passes.push((label, cost));
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(label),
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            }),
        })
    }

    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..2 * self.passes.len() as u32, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readback, 0, self.resolved.size());
    }

    pub fn map(&mut self) {
        self.mapped = Some(Box::pin(map(&self.readback)));
    }

    /// One entry a pass; `period` is the length of a tick in nanoseconds. Nothing where the clock could not be read: times are no reason to lose vectors.
    pub async fn read(self, period: f32) -> Vec<KernelTime> {
        let Some(mapped) = self.mapped else { return Vec::new() };
        if mapped.await.is_err() {
            return Vec::new();
        }
        let Ok(view) = self.readback.get_mapped_range(..) else { return Vec::new() };
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&view);
        let time = |(index, &(label, cost)): (usize, &(&'static str, Cost))| KernelTime {
            label,
            launches: 1,
            seconds: ticks[2 * index + 1].saturating_sub(ticks[2 * index]) as f64 * f64::from(period) * 1e-9,
            cost,
        };
        self.passes.iter().enumerate().map(time).collect()
    }
}
