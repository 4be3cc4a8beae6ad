//! A batch as data: a list of dispatches, encoded and submitted at its end.

use std::ops::Range;
use std::rc::Rc;

use web_time::Instant;

use super::arena::Slot;
use super::kernel::{Kernel, Params};
use super::pipelines::Pipeline;
use super::profile::Timer;
use super::scope::Scope;
use super::{Context, Tensor};
use crate::error::Kind;
use crate::{Error, Packed, Pending};

/// How long one submit may keep the device, in seconds: a desktop that shares it must not freeze.
const SUBMIT_SECONDS: f64 = 0.1;

/// One kernel launch.
pub(super) struct Dispatch {
    pub pipeline: Rc<Pipeline>,
    /// `output`, then the inputs in binding order.
    pub buffers: Vec<wgpu::Buffer>,
    pub params_offset: u32,
    pub workgroups: [u32; 3],
    pub cost: Cost,
}

/// What a launch has to do at least.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Additions and multiplications.
    pub flops: f64,
    /// Bytes read or written once.
    pub bytes: f64,
}

/// A launch as an operation asks for it.
pub(super) struct Launch<'a, P> {
    pub kernel: &'static Kernel,
    pub chosen: &'a [(&'static str, u32)],
    pub output: &'a Tensor,
    pub inputs: Vec<&'a wgpu::Buffer>,
    pub params: P,
    pub workgroups: [u32; 3],
    pub cost: Cost,
}

/// A batch being recorded.
pub struct Batch {
    pub(super) context: Rc<Context>,
    pub(super) packed: Packed,
    scope: Scope,
    dispatches: Vec<Dispatch>,
    params: Vec<u8>,
    /// What the host wrote for this batch: not to be written again before it is submitted.
    kept: Vec<Rc<Slot>>,
}

impl Batch {
    pub(super) fn new(context: &Rc<Context>, packed: &Packed) -> Self {
        Self {
            context: Rc::clone(context),
            packed: packed.clone(),
            scope: Scope::open(&context.device, &context.loss, "a batch"),
            dispatches: Vec::new(),
            params: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Host data as a read-only input of this batch.
    pub(super) fn input(&mut self, bytes: &[u8]) -> wgpu::Buffer {
        let slot = Rc::new(self.context.upload(bytes));
        self.keep(&slot);
        slot.buffer().clone()
    }

    /// Holds an upload until the batch is submitted.
    pub(super) fn keep(&mut self, slot: &Rc<Slot>) {
        self.kept.push(Rc::clone(slot));
    }

    pub(super) fn launch<P: Params>(&mut self, launch: Launch<'_, P>) {
        assert_eq!(launch.kernel.params, P::FIELDS, "`{}` has the params it declares", launch.kernel.label);
        assert_eq!(launch.kernel.inputs.len(), launch.inputs.len(), "`{}` binds what it declares", launch.kernel.label);
        let context = &self.context;
        let pipeline = context.pipelines.get(&context.device, context.storage, launch.kernel, launch.chosen);
        let alignment = context.uniform_alignment;
        self.params.resize(self.params.len().next_multiple_of(alignment), 0);
        let params_offset = self.params.len() as u32;
        self.params.extend_from_slice(bytemuck::bytes_of(&launch.params));
        let mut buffers = vec![launch.output.slot.buffer().clone()];
        buffers.extend(launch.inputs.into_iter().cloned());
        self.dispatches.push(Dispatch {
            pipeline,
            buffers,
            params_offset,
            workgroups: launch.workgroups,
            cost: launch.cost,
        });
    }

    /// Submits all that was recorded and gives the first `bytes` of `output` when they are there.
    pub(super) fn submit(self, output: Tensor, bytes: u64) -> impl Future<Output = Result<Vec<u8>, Error>> + use<> {
        let Self { context, scope, dispatches, params, kept, .. } = self;
        let started = Instant::now();
        let costs = dispatches.iter().map(|dispatch| dispatch.cost.flops);
        let flops: f64 = costs.clone().sum();
        let uniform = context.upload_uniform(&params);
        let groups: Vec<_> =
            dispatches.iter().map(|dispatch| bind(&context.device, uniform.buffer(), dispatch)).collect();
        let readback = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: bytes,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut timers = Vec::new();
        let mut last = None;
        let cuts = cuts(costs, context.rate.get() * SUBMIT_SECONDS);
        for (index, range) in cuts.iter().enumerate() {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            if context.kernel_times {
                let mut timer = Timer::new(&context.device, range.len());
                for (dispatch, group) in range.clone().map(|at| (&dispatches[at], &groups[at])) {
                    let mut pass = timer.begin_pass(&mut encoder, dispatch.pipeline.label, dispatch.cost);
                    encode(&mut pass, dispatch, group);
                }
                timer.resolve(&mut encoder);
                timers.push(timer);
            } else {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                for at in range.clone() {
                    encode(&mut pass, &dispatches[at], &groups[at]);
                }
            }
            if index + 1 == cuts.len() {
                encoder.copy_buffer_to_buffer(output.slot.buffer(), 0, &readback, 0, bytes);
            }
            last = Some(context.queue.submit([encoder.finish()]));
        }
        let mapped = map(&readback);
        timers.iter_mut().for_each(Timer::map);
        let closed = scope.close();
        drop((kept, output));
        async move {
            closed.await?;
            wait(&context, last)?;
            if mapped.await.is_err() {
                context.loss.settle(&context.device)?;
                // No scope caught anything, and only a lost device maps nothing. A browser may say so later than this.
                return Err(Kind::Lost { reason: "the readback of a batch could not be mapped".to_owned() }.into());
            }
            context.measure(flops, started);
            for timer in timers {
                // Read before the profile is borrowed: another batch may add to it while this one waits.
                let times = timer.read(context.queue.get_timestamp_period()).await;
                context.profile.borrow_mut().add(times);
            }
            let view =
                readback.get_mapped_range(..).map_err(|error| Error::refused("the readback of a batch", error))?;
            Ok(view.to_vec())
        }
    }
}

/// Starts mapping `buffer`; the receiver hears when it is done.
pub(super) fn map(buffer: &wgpu::Buffer) -> impl Future<Output = Result<(), ()>> + use<> {
    let (sender, receiver) = futures_channel::oneshot::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |result| {
        // Nobody listens any more where the batch was dropped.
        let _ = sender.send(result);
    });
    async move { receiver.await.map_err(|_| ())?.map_err(|_| ()) }
}

impl Context {
    /// Has everything done that was handed to the device so far.
    pub(super) fn settle(self: &Rc<Self>) -> Result<(), Error> {
        let submission = self.queue.submit([]);
        wait(self, Some(submission))
    }
}

/// Natively this drives the device until the submission is done, by blocking; in a browser it does nothing and the event loop drives it.
fn wait(context: &Context, submission: Option<wgpu::SubmissionIndex>) -> Result<(), Error> {
    let waited = context.device.poll(wgpu::PollType::Wait { submission_index: submission, timeout: None });
    context.loss.check(&context.device)?;
    waited.map(|_| ()).map_err(|error| Kind::Lost { reason: error.to_string() }.into())
}

fn bind(device: &wgpu::Device, params: &wgpu::Buffer, dispatch: &Dispatch) -> wgpu::BindGroup {
    let uniform =
        wgpu::BufferBinding { buffer: params, offset: 0, size: wgpu::BufferSize::new(dispatch.pipeline.params_bytes) };
    let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) }];
    entries.extend(
        (1..)
            .zip(&dispatch.buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() }),
    );
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(dispatch.pipeline.label),
        layout: &dispatch.pipeline.layout,
        entries: &entries,
    })
}

fn encode(pass: &mut wgpu::ComputePass<'_>, dispatch: &Dispatch, group: &wgpu::BindGroup) {
    let [x, y, z] = dispatch.workgroups;
    pass.set_pipeline(&dispatch.pipeline.compute);
    pass.set_bind_group(0, group, &[dispatch.params_offset]);
    pass.dispatch_workgroups(x, y, z);
}

/// Where to cut launches of so many operations into submits of at most `budget`; a launch is never cut.
fn cuts(launches: impl IntoIterator<Item = f64>, budget: f64) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut first, mut sum, mut end) = (0, 0.0, 0);
    for flops in launches {
        if end > first && sum + flops > budget {
            ranges.push(first..end);
            (first, sum) = (end, 0.0);
        }
        sum += flops;
        end += 1;
    }
    ranges.push(first..end);
    ranges
}

/// The values of an output without its padding.
pub(super) fn finish(batch: Batch, output: Tensor) -> Pending {
    let (rows, columns, stride) = (output.rows, output.columns, output.stride);
    let bytes = (4 * rows * stride) as u64;
    let submitted = batch.submit(output, bytes);
    Box::pin(async move {
        let padded: Vec<f32> = bytemuck::pod_collect_to_vec(&submitted.await?);
        Ok(padded.chunks_exact(stride).flat_map(|row| &row[..columns]).copied().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::cuts;

    #[test]
    fn submits_stay_within_the_budget_and_a_launch_is_never_cut() {
        assert_eq!(cuts([1.0, 1.0, 12.0], 10.0), [0..2, 2..3]);
        assert_eq!(cuts([4.0, 4.0, 4.0, 20.0, 1.0], 10.0), [0..2, 2..3, 3..4, 4..5]);
        assert_eq!(cuts([5.0; 4], 0.0), [0..1, 1..2, 2..3, 3..4]);
    }
}
