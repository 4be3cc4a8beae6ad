// What is infinite or NaN stays so to the vector, where the host finds it: a clamp, a maximum or a reciprocal would
// make an ordinary number of it.

/// Whether x is infinite or NaN, by its bits: compilers may assume that there is no such x.
fn is_spoilt(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
}
