//! What the tests share: a device or a visible word that there is none, the oracle, values, tolerances, and the judge
//! that holds one against the other.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod amx;
pub mod device;
pub mod distance;
pub mod embedding;
pub mod golden;
pub mod int8;
pub mod judge;
pub mod matrix;
pub mod oracle;
pub mod shared;
pub mod skip;
pub mod tolerance;
pub mod values;
