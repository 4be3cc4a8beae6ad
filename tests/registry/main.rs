//! Every kernel in every storage and choice, as naga reads it: it validates, it says what the host says, it stays within
//! WebGPU's default limits, Metal's compiler would take it. What was read is left in target/shaders.

mod browser;
mod declarations;
mod direct3d;
mod folder;
mod limits;
mod metal;
mod modules;
mod names;
