// Which form of the package this browser runs: with threads, with relaxed SIMD (fused multiply-add), or with plain SIMD.

// (func (result v128) i32.const 1 i8x16.splat)
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
// (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat i8x16.relaxed_swizzle)
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

const validates = (bytes) => WebAssembly.validate(new Uint8Array(bytes));

/** The best form, or an error where there is none. */
export function form() {
  if (!validates(SIMD)) throw new Error("this browser has no WebAssembly SIMD; every browser since 2023 has it");
  if (!validates(RELAXED)) return "simd";
  return globalThis.crossOriginIsolated ? "threads" : "relaxed";
}
