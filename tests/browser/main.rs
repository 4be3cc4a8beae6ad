//! The package in a real browser, on WebGPU in software and on the processor, held to the same golden files as the native engine.

#![allow(clippy::unwrap_used, reason = "what surprises a test fails it")]

mod browser;
mod faults;
mod invariance;
mod kernels;
mod loss;
mod model;
mod parity;
mod processor;
