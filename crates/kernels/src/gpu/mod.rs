//! The GPU engine: records WGSL kernels into one pass a batch, through wgpu, natively and in a browser.

mod agreement;
mod arena;
mod attention;
mod context;
mod device;
mod embed_norm;
mod int8;
mod kernel;
mod layer_norm;
mod linear;
mod normalize;
mod panels;
mod peaks;
mod pipelines;
mod pool;
mod probe;
mod profile;
mod recording;
mod registry;
mod scope;
mod tune;
mod weights;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use web_time::Instant;

pub use device::{Adapter, DeviceInfo, Matrices, Options, Subgroups, devices};
pub use kernel::{Constants, Kernel, Need, Reads, Storage};
pub use linear::{Plan, variants};
pub use peaks::Peaks;
pub use profile::KernelTime;
pub use recording::{Batch, Cost};
pub use registry::kernels;
pub use tune::{Shape, Time, Tuned};
use weights::Order;
pub use weights::{Vector, Weights};

use crate::error::Kind;
use crate::proof::prove;
use crate::{
    Activation, Dtype, Embeddings, Engine, Error, Gathered, Heads, Linear, Norm, Ops, Packed, Pending, Pooling,
    RelativeBias, Rows, padded,
};

/// The rate that is assumed before the first batch was measured: a small integrated card's.
const FIRST_RATE: f64 = 1e11;

/// Enough to fill a large card, few enough that a small one answers within a second.
const BATCH_TOKENS: usize = 4096;

/// An engine that computes on a GPU, or on a program that stands for one.
#[derive(Debug)]
pub struct GpuEngine {
    context: Rc<Context>,
    options: Options,
}

/// What everything on one device shares.
#[derive(Debug)]
pub(crate) struct Context {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: DeviceInfo,
    loss: scope::Loss,
    storage: Storage,
    /// Where weights are held so that they can be multiplied as such.
    matrices: Option<Matrices>,
    /// Whether what is multiplied with weights in int8 is rounded to it.
    dots: bool,
    pipelines: pipelines::Pipelines,
    scratch: arena::Arena,
    uploads: arena::Arena,
    uniforms: arena::Arena,
    /// Where in the uniform buffer one kernel's params may begin, in bytes.
    uniform_alignment: usize,
    kernel_times: bool,
    profile: RefCell<profile::Profile>,
    /// Operations a second, as measured.
    rate: Cell<f64>,
    /// When the last batch was done.
    idle_since: Cell<Option<Instant>>,
    /// Which variants linear layers take.
    plan: RefCell<Plan>,
    /// Those of shapes that were measured.
    plans: RefCell<HashMap<Shape, Plan>>,
    /// One variant for all layers, while variants are compared.
    forced: Cell<Option<&'static linear::Variant>>,
    /// Shapes of the matrices that were loaded.
    shapes: RefCell<BTreeSet<Shape>>,
}

/// Activations on the device: rows of `stride` values, of which `columns` count and the rest are zero.
#[derive(Debug)]
pub struct Tensor {
    slot: Rc<arena::Slot>,
    rows: usize,
    columns: usize,
    stride: usize,
}

impl GpuEngine {
    /// Opens the adapter that `options` ask for, makes sure that the kernel variants it may choose from agree bit for bit, and has the
    /// device prove itself: it gives what the CPU engine gives, operation by operation.
    ///
    /// # Errors
    /// Where there is no such adapter, it gives no device, or the device computes wrongly.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let (device, queue, info) = device::open(&options).await?;
        let features = device.features();
        let storage = match options.dtype {
            Dtype::F32 => Storage::F32,
            Dtype::F16 if options.shader_f16 && features.contains(wgpu::Features::SHADER_F16) => Storage::F16,
            Dtype::F16 => Storage::F16Packed,
            Dtype::Int8 => Storage::Int8,
            Dtype::Bf16 | Dtype::Bf16x3 => {
                let needed = "the CPU engine";
                return Err(Kind::NoDtype { dtype: options.dtype.name(), device: info.name, needed }.into());
            }
        };
        let are_halves = options.shader_f16 && matches!(storage, Storage::F16 | Storage::Int8);
        let matrices = info.matrices.filter(|_| options.matrices && are_halves);
        let dots = storage == Storage::Int8 && matrices.is_none() && options.dots.unwrap_or(info.has_dots);
        let linear = if dots { options.linear.clone().of_dots() } else { options.linear.clone() };
        use wgpu::BufferUsages as Usage;
        let context = Context {
            loss: scope::Loss::watch(&device),
            storage,
            matrices,
            dots,
            pipelines: pipelines::Pipelines::default(),
            scratch: arena::Arena::new(
                "scratch",
                Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST,
                options.sentinels,
            ),
            uploads: arena::Arena::new("upload", Usage::STORAGE | Usage::COPY_DST, false),
            uniforms: arena::Arena::new("params", Usage::UNIFORM | Usage::COPY_DST, false),
            uniform_alignment: device.limits().min_uniform_buffer_offset_alignment as usize,
            kernel_times: options.kernel_times && features.contains(wgpu::Features::TIMESTAMP_QUERY),
            profile: RefCell::default(),
            rate: Cell::new(FIRST_RATE),
            idle_since: Cell::new(None),
            plan: RefCell::new(linear.clone()),
            plans: RefCell::default(),
            forced: Cell::default(),
            shapes: RefCell::default(),
            device,
            queue,
            info,
        };
        let engine = Self { context: Rc::new(context), options };
        let Plan { few, many } = &linear;
        let few_variants: Vec<_> = few.iter().map(|&(_, variant)| variant).collect();
        let agreeing = agreement::agreeing(&engine, &few_variants, many).await?;
        engine.context.plan.borrow_mut().few.retain(|(_, variant)| agreeing.contains(variant));
        if engine.options.proof
            && let Some(what) = prove(&engine, many.proof(storage)).await?
        {
            return Err(Kind::Wrong { adapter: engine.info().name.clone(), what }.into());
        }
        engine.context.profile.take();
        engine.context.shapes.take();
        Ok(engine)
    }

    /// What device this is.
    pub fn info(&self) -> &DeviceInfo {
        &self.context.info
    }

    /// How weights are stored and read.
    pub fn storage(&self) -> Storage {
        self.context.storage
    }

    /// Times all variants of the linear layer on the shapes of the matrices that were loaded, within about `budget`, and takes the fastest from now
    /// on. Those that differ from the portable one in a bit are left out, and named.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn tune(&self, budget: Duration) -> Result<Tuned, Error> {
        let tuned = self.measure(&self.unplanned(), budget).await?;
        self.follow(&tuned.plans);
        Ok(tuned)
    }

    /// The same for any shapes, without taking what is found.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn measure(&self, shapes: &[Shape], budget: Duration) -> Result<Tuned, Error> {
        let loaded = self.context.shapes.take();
        let tuned = tune::tune(self, shapes, budget).await;
        self.context.shapes.replace(loaded);
        self.context.profile.take();
        tuned
    }

    /// Measures what this device can do at most: a second or so.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn peaks(&self) -> Result<Peaks, Error> {
        let peaks = peaks::peaks(self).await?;
        self.context.profile.take();
        Ok(peaks)
    }

    /// Takes plans that were measured earlier, on this device and by this version of wembed.
    pub fn follow(&self, plans: &[(Shape, Plan)]) {
        let has = self.context.variants();
        let has_all = |(_, plan): &&(Shape, Plan)| plan.variants().all(|variant| has.contains(&variant));
        self.context.plans.borrow_mut().extend(plans.iter().filter(has_all).cloned());
    }

    /// Takes plans that may be of another device: those whose variants give the portable one's bits here, under every epilogue.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn adopt(&self, plans: &[(Shape, Plan)]) -> Result<(), Error> {
        let named = |variant: &&linear::Variant| plans.iter().any(|(_, plan)| plan.variants().any(|it| it == *variant));
        let variants: Vec<_> = self.context.variants().into_iter().filter(named).collect();
        let loaded = self.context.shapes.take();
        let agreeing = agreement::agreeing(self, &variants, linear::PORTABLE).await;
        self.context.shapes.replace(loaded);
        self.context.profile.take();
        let agreeing = agreeing?;
        let agrees = |(_, plan): &&(Shape, Plan)| plan.variants().all(|variant| agreeing.contains(&variant));
        self.follow(&plans.iter().filter(agrees).cloned().collect::<Vec<_>>());
        Ok(())
    }

    /// The plans of the shapes of the matrices that were loaded, as far as they have one of their own.
    pub fn plans(&self) -> Vec<(Shape, Plan)> {
        let (plans, loaded) = (self.context.plans.borrow(), self.context.shapes.borrow());
        loaded.iter().filter_map(|shape| Some((*shape, plans.get(shape)?.clone()))).collect()
    }

    /// Shapes of the matrices that were loaded, and have no plan yet.
    pub fn unplanned(&self) -> Vec<Shape> {
        let plans = self.context.plans.borrow();
        self.context.shapes.borrow().iter().filter(|shape| !plans.contains_key(*shape)).copied().collect()
    }

    /// Names of the variants of the linear layer that this device has.
    pub fn variants(&self) -> Vec<&'static str> {
        self.context.variants().into_iter().map(|variant| variant.name).collect()
    }

    /// What the last bits of results depend on, in words: the adapter, its driver, and the shapes of weights for which matrices are multiplied.
    pub fn arithmetic(&self) -> String {
        let info = self.info();
        let (plans, loaded) = (self.context.plans.borrow(), self.context.shapes.borrow());
        let is_of_matrices =
            |shape: &&Shape| plans.get(*shape).is_some_and(|plan| plan.many.needs().matrix().is_some());
        let mut shapes: Vec<_> = loaded.iter().filter(is_of_matrices).collect();
        shapes.sort();
        let shapes: String =
            shapes.into_iter().map(|(depth, columns)| format!(", matrices at {depth} x {columns}")).collect();
        let dots = if self.context.dots { ", dot products of int8" } else { "" };
        format!("{}, {} {}{dots}{shapes}", info.name, info.backend, info.driver)
    }

    /// Which variants linear layers take: those of [`Options::linear`] without the ones that give other bits on this device than its last.
    pub fn plan(&self) -> Plan {
        self.context.plan.borrow().clone()
    }

    /// wgpu's own device, for what wembed does not do.
    pub fn device(&self) -> &wgpu::Device {
        &self.context.device
    }

    /// Every kernel's time so far, the longest first; empty unless [`Options::kernel_times`] was set and the device has timestamps.
    pub fn kernel_times(&self) -> Vec<KernelTime> {
        self.context.profile.borrow().times()
    }
}

impl Engine for GpuEngine {
    type Matrix = Weights;
    type Vector = Vector;
    type Table = Weights;
    type Tensor = Tensor;
    type Batch = Batch;

    async fn reopen(&self) -> Result<Self, Error> {
        let engine = Self::open(self.options.clone()).await?;
        // What was found on one device says nothing of another.
        if engine.info() == self.info() {
            engine.context.plans.replace(self.context.plans.borrow().clone());
        }
        Ok(engine)
    }

    async fn matrix<R: Rows>(&self, rows: R) -> Result<Weights, R::Error> {
        let padded_rows = padded(rows.rows());
        self.context.shapes.borrow_mut().insert((padded(rows.columns()), padded_rows));
        weights::load(&self.context, rows, padded_rows, Order::Panels).await
    }

    async fn table<R: Rows>(&self, rows: R) -> Result<Weights, R::Error> {
        let count = rows.rows();
        weights::load(&self.context, rows, count, Order::Rows).await
    }

    fn holds_table(&self, rows: usize, columns: usize) -> bool {
        let bytes = rows as u64 * (padded(columns) * self.context.storage.of_tables().dtype().bytes()) as u64;
        self.context.check_binding("a table", bytes).is_ok()
    }

    fn rows_within(&self, columns: usize) -> usize {
        let limits = self.context.device.limits();
        let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        // One workgroup a row, in one dimension of the dispatch. Scratch buffers may be a quarter larger than what they hold.
        let rows = bytes / 5 * 4 / (4 * padded(columns) as u64);
        rows.min(u64::from(limits.max_compute_workgroups_per_dimension)) as usize
    }

    fn widest_head(&self) -> usize {
        attention::WIDEST_HEAD
    }

    fn dtype(&self) -> Dtype {
        self.context.storage.dtype()
    }

    fn batch_tokens(&self) -> usize {
        BATCH_TOKENS
    }

    fn vector(&self, name: &str, values: &[f32]) -> Result<Vector, Error> {
        weights::vector(&self.context, name, values)
    }

    fn gathered(&self, rows: Gathered<'_>) -> Result<Weights, Error> {
        weights::gather(&self.context, rows)
    }

    fn begin(&self, packed: &Packed) -> Batch {
        Batch::new(&self.context, packed)
    }
}

impl Ops<GpuEngine> for Batch {
    fn embed_norm(&mut self, words: &Weights, embeddings: &Embeddings<GpuEngine>) -> Tensor {
        embed_norm::record(self, words, embeddings)
    }

    fn linear(&mut self, x: &Tensor, layer: &Linear<GpuEngine>) -> Tensor {
        linear::record(self, x, layer, linear::Epilogue::Bias)
    }

    fn linear_activation(&mut self, x: &Tensor, layer: &Linear<GpuEngine>, activation: Activation) -> Tensor {
        linear::record(self, x, layer, linear::Epilogue::Activation(activation))
    }

    fn linear_add(&mut self, x: &Tensor, layer: &Linear<GpuEngine>, residual: &Tensor) -> Tensor {
        linear::record(self, x, layer, linear::Epilogue::Add(residual))
    }

    fn layer_norm(&mut self, x: &Tensor, norm: &Norm<GpuEngine>) -> Tensor {
        layer_norm::record(self, x, norm)
    }

    fn attention(&mut self, qkv: &Tensor, heads: Heads, bias: Option<&RelativeBias<GpuEngine>>) -> Tensor {
        attention::record(self, qkv, heads, bias)
    }

    fn pool(&mut self, x: &Tensor, modes: &[Pooling], skip: usize) -> Tensor {
        pool::record(self, x, modes, skip)
    }

    fn cut(&mut self, x: Tensor, columns: usize) -> Tensor {
        Tensor { columns: columns.min(x.columns), ..x }
    }

    fn normalize(&mut self, x: &Tensor) -> Tensor {
        normalize::record(self, x)
    }

    fn finish(self, output: Tensor) -> Pending {
        recording::finish(self, output)
    }
}
