// Which form of the package this browser runs: with threads, with relaxed SIMD (fused multiply-add), or with plain SIMD.

// (func (result v128) i32.const 1 i8x16.splat)
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
// (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat i8x16.relaxed_swizzle)
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

const FORMS = ["threads", "relaxed", "simd"];

const validates = (bytes) => WebAssembly.validate(new Uint8Array(bytes));
const refuse = (key, expected, found) => new Error(`options: \`${key}\`: expected ${expected}, found ${JSON.stringify(found)}`);

/** The forms to try, the best first: the one that is asked for, or all that run here. An error where what is asked for cannot be had. */
export function forms(form, threads) {
  if (!validates(SIMD)) throw new Error("this browser has no WebAssembly SIMD; every browser since 2023 has it");
  if (form !== undefined && !FORMS.includes(form)) throw refuse("form", `one of ${FORMS.join(", ")}`, form);
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) throw refuse("threads", "a whole number from 1 on", threads);
  if (threads > 1 && form !== undefined && form !== "threads") throw refuse("threads", `1, which is all that the form ${form} has`, threads);

  const relaxed = validates(RELAXED);
  if (form === "threads" || threads > 1) {
    if (!relaxed) throw new Error("no threads: this browser has no relaxed SIMD, which their form is built for");
    if (!globalThis.crossOriginIsolated) throw new Error("no threads: they share memory, which this page may not: it is not cross-origin isolated");
    return ["threads"];
  }
  if (form !== undefined) return [form];
  const several = relaxed && globalThis.crossOriginIsolated && (threads ?? navigator.hardwareConcurrency) > 1;
  return FORMS.filter((form) => ({ threads: several, relaxed, simd: true })[form]);
}
