//! The operations of the GPU engine against the oracle, one file an operation, and what the engine promises beside:
//! bits that do not depend on a text's neighbours, errors that say what is wrong, a lost device that is no crash.

mod activation;
mod attention;
mod embed_norm;
mod faults;
mod int8;
mod invariance;
mod layer_norm;
mod linear;
mod loss;
mod mutants;
mod normalize;
mod pool;
mod repetition;
mod times;
mod tuning;
