//! Whether a device computes what it should: the operations of an encoder, on small inputs, held against the CPU engine. A driver
//! may compile a shader wrongly, and then every vector is wrong, and nothing else says so.

use std::num::NonZeroUsize;

use crate::cpu::{self, CpuEngine};
use crate::noise::{Noise, noise};
use crate::{Activation, Dtype, Embeddings, Engine, Error, Heads, Linear, Norm, Ops, Packed, Pooling, RelativeBias};

/// How far a device may be from the processor, of an operation's largest value, where it computes in f32. GELU by its tanh form, the nearest mistake that
/// is known, is 5e-5.
pub const FURTHEST: f32 = 2e-5;

/// What an engine is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proof {
    /// What the CPU engine multiplies in.
    pub dtype: Dtype,
    /// How far it may be from that, of an operation's largest value.
    pub furthest: f32,
    /// Whether weights are such that int8 holds them exactly.
    pub int8: bool,
}

const HIDDEN: usize = 64;
const WIDE: usize = 192;
const HEADS: Heads = Heads { count: 2, width: 32 };
const REACH: usize = 6;
const WORDS: usize = 40;
/// Texts that straddle the blocks of the attention kernels.
const LENGTHS: [usize; 4] = [1, 17, 33, 5];

/// What is tried, each on what the one before it gave.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    EmbedNorm,
    Linear,
    Attention { biased: bool },
    LinearAdd,
    LayerNorm,
    LinearActivation(Activation),
    LinearAddWide,
    Pool,
    Normalize,
}

const STEPS: [Step; 12] = [
    Step::EmbedNorm,
    Step::Linear,
    Step::Attention { biased: true },
    Step::LinearAdd,
    Step::LayerNorm,
    Step::LinearActivation(Activation::Gelu),
    Step::LinearAddWide,
    Step::LayerNorm,
    Step::Linear,
    Step::Attention { biased: false },
    Step::Pool,
    Step::Normalize,
];

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::EmbedNorm => "the sum of embeddings and its layer norm",
            Self::Linear => "a linear layer",
            Self::Attention { biased: true } => "attention with a relative-position bias",
            Self::Attention { biased: false } => "attention",
            Self::LinearAdd | Self::LinearAddWide => "a linear layer with a residual",
            Self::LayerNorm => "a layer norm",
            Self::LinearActivation(_) => "a linear layer with GELU",
            Self::Pool => "pooling",
            Self::Normalize => "normalisation",
        }
    }
}

/// Weights of noise.
struct Weights<E: Engine> {
    words: E::Table,
    embeddings: Embeddings<E>,
    bias: RelativeBias<E>,
    qkv: Linear<E>,
    out: Linear<E>,
    up: Linear<E>,
    down: Linear<E>,
    norm: Norm<E>,
}

impl<E: Engine> Weights<E> {
    async fn new(engine: &E, int8: bool) -> Result<Self, Error> {
        let vector = |count, seed| engine.vector("noise", &noise(count, seed));
        let norm =
            |seed| Ok::<_, Error>(Norm { gain: vector(HIDDEN, seed)?, bias: vector(HIDDEN, seed + 1)?, epsilon: 1e-5 });
        let linear = async |rows, columns, seed| {
            let noise = Noise::new(rows, columns, seed);
            let weight = engine.matrix(if int8 { noise.in_int8() } else { noise }).await?;
            Ok::<_, Error>(Linear { weight, bias: vector(rows, seed + 1)? })
        };
        let longest = LENGTHS.into_iter().max().expect("there are texts");
        Ok(Self {
            words: engine.table(Noise::new(WORDS, HIDDEN, 1)).await?,
            embeddings: Embeddings {
                positions: engine.table(Noise::new(longest, HIDDEN, 2)).await?,
                token_type: vector(HIDDEN, 3)?,
                norm: norm(4)?,
            },
            bias: RelativeBias { table: vector(HEADS.count * (2 * REACH + 1), 6)?, reach: REACH },
            qkv: linear(3 * HIDDEN, HIDDEN, 7).await?,
            out: linear(HIDDEN, HIDDEN, 9).await?,
            up: linear(WIDE, HIDDEN, 11).await?,
            down: linear(HIDDEN, WIDE, 13).await?,
            norm: norm(15)?,
        })
    }

    /// What the steps give, one after the other.
    async fn after(&self, engine: &E, packed: &Packed, steps: &[Step]) -> Result<Vec<f32>, Error> {
        let mut ops = engine.begin(packed);
        let mut x = ops.embed_norm(&self.words, &self.embeddings);
        let mut residual = ops.embed_norm(&self.words, &self.embeddings);
        for step in &steps[1..] {
            let y = match step {
                Step::EmbedNorm => ops.embed_norm(&self.words, &self.embeddings),
                Step::Linear => ops.linear(&x, &self.qkv),
                Step::Attention { biased } => ops.attention(&x, HEADS, biased.then_some(&self.bias)),
                Step::LinearAdd => ops.linear_add(&x, &self.out, &residual),
                Step::LinearActivation(activation) => ops.linear_activation(&x, &self.up, *activation),
                Step::LinearAddWide => ops.linear_add(&x, &self.down, &residual),
                Step::LayerNorm => {
                    residual = ops.layer_norm(&x, &self.norm);
                    ops.layer_norm(&x, &self.norm)
                }
                Step::Pool => ops.pool(&x, &Pooling::ALL, 0),
                Step::Normalize => ops.normalize(&x),
            };
            x = y;
        }
        drop(residual);
        ops.finish(x).await
    }
}

fn packed() -> Packed {
    let mut packed = Packed::default();
    for length in LENGTHS {
        let words = (0..length).map(|at| ((7 * at + 3 * length) % WORDS) as u32);
        packed.push(words, 0..length as u32);
    }
    packed
}

/// How far `found` is from `expected`, of the largest value; infinite where a value is no number.
fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let furthest = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    let furthest =
        furthest.fold(0.0_f32, |furthest, next| if next > furthest || next.is_nan() { next } else { furthest });
    if furthest.is_finite() && found.len() == expected.len() { furthest / largest } else { f32::INFINITY }
}

/// What of an encoder's operations `engine` computes wrongly, in words; nothing where it computes all of them as the CPU engine does.
///
/// # Errors
/// Where the device fails, or is lost.
pub async fn prove<E: Engine>(engine: &E, Proof { dtype, furthest, int8 }: Proof) -> Result<Option<String>, Error> {
    // One thread: for so little work none is worth starting.
    let (dtype, threads) = (Some(dtype), Some(NonZeroUsize::MIN));
    let processor = CpuEngine::open(cpu::Options { dtype, threads, ..cpu::Options::default() })?;
    let (tried, known) = (Weights::new(engine, int8).await?, Weights::new(&processor, int8).await?);
    let packed = packed();
    let found = async |steps: &[Step]| {
        let found = tried.after(engine, &packed, steps).await?;
        Ok::<_, Error>(distance(&found, &known.after(&processor, &packed, steps).await?))
    };
    // One batch where all is well. Where it is not, which is the first step that is wrong?
    if found(&STEPS).await? <= furthest {
        return Ok(None);
    }
    for (at, step) in STEPS.into_iter().enumerate() {
        let distance = found(&STEPS[..=at]).await?;
        if distance > furthest {
            return Ok(Some(format!("{} is off by {distance} of its largest value", step.name())));
        }
    }
    Ok(Some("the operations are right one by one and wrong together".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{FURTHEST, Proof, STEPS, Step, Weights, distance, packed, prove};
    use crate::cpu::{CpuEngine, Options, instruction_sets};
    use crate::{Activation, Dtype};

    const IN_F32: Proof = Proof { dtype: Dtype::F32, furthest: FURTHEST, int8: false };

    #[test]
    fn every_instruction_set_proves_itself() {
        for instructions in instruction_sets() {
            let options =
                Options { instructions: Some(instructions.to_owned()), dtype: Some(Dtype::F32), ..Options::default() };
            let engine = CpuEngine::open(options).unwrap();
            assert_eq!(pollster::block_on(prove(&engine, IN_F32)).unwrap(), None, "{instructions}");
        }
    }

    /// Whatever multiplies integers gives the same, and rounding what they are multiplied with is more than f32 may be off.
    #[test]
    fn int8_is_proved_by_int8() {
        let engine = |dtype, instructions: &str| {
            let instructions = Some(instructions.to_owned());
            CpuEngine::open(Options { instructions, dtype: Some(dtype), ..Options::default() }).unwrap()
        };
        let proof = |dtype, furthest| Proof { dtype, furthest, int8: true };
        let proved = |engine: &CpuEngine, proof| pollster::block_on(prove(engine, proof)).unwrap();
        for instructions in instruction_sets() {
            let integers = engine(Dtype::Int8, instructions);
            assert_eq!(proved(&integers, proof(Dtype::Int8, 2e-3)), None, "{instructions}");
            assert_ne!(proved(&integers, proof(Dtype::F32, 2e-3)), None, "{instructions}");
        }
        let floats = engine(Dtype::F32, instruction_sets()[0]);
        assert_eq!(proved(&floats, proof(Dtype::F32, FURTHEST)), None, "int8 holds these weights exactly");
    }

    #[test]
    fn what_is_wrong_is_named() {
        // bf16 loses more than any honest f32 does.
        let engine = CpuEngine::open(Options { dtype: Some(Dtype::Bf16), ..Options::default() });
        let Ok(engine) = engine else { return println!("skipped: no bf16 on this processor") };
        let said = pollster::block_on(prove(&engine, IN_F32)).unwrap().expect("bf16 is found out");
        assert!(said.starts_with("a linear layer is"), "{said}");
    }

    /// As near as another order of addition is, and as far as the nearest mutants are.
    #[test]
    fn the_bound_tells_roundings_from_mistakes() {
        let engine = CpuEngine::open(Options { dtype: Some(Dtype::F32), ..Options::default() }).unwrap();
        let weights = pollster::block_on(Weights::new(&engine, false)).unwrap();
        let packed = packed();
        let after = |steps: &[Step]| pollster::block_on(weights.after(&engine, &packed, steps)).unwrap();
        let values = after(&STEPS);
        let rounded: Vec<f32> = values.iter().map(|value| value * (1.0 + 1e-6)).collect();
        assert!(distance(&rounded, &values) <= FURTHEST);
        let halves: Vec<f32> = values.iter().map(|&value| half::f16::from_f32(value).to_f32()).collect();
        assert!(distance(&halves, &values) > FURTHEST);
        assert!(distance(&[f32::NAN], &[1.0]) > FURTHEST && distance(&[], &[1.0]) > FURTHEST);

        let mutant = |of: Step, into: Step| STEPS.map(|step| if step == of { into } else { step });
        let gelu = Step::LinearActivation(Activation::Gelu);
        for (name, steps) in [
            ("GELU by tanh", mutant(gelu, Step::LinearActivation(Activation::GeluTanh))),
            ("SiLU", mutant(gelu, Step::LinearActivation(Activation::Silu))),
            ("no bias", mutant(Step::Attention { biased: true }, Step::Attention { biased: false })),
        ] {
            let wrong = distance(&after(&steps), &values);
            println!("{name}: {wrong:.1e}");
            assert!(wrong > FURTHEST, "{name}");
        }
    }
}
