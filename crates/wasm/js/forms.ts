// Which form of the module this browser runs: with threads, with relaxed SIMD (fused multiply-add), or with plain SIMD.

import { ArgumentInvalid, Stopped } from "./errors.js";
import type { Form } from "./types.js";

// (func (result v128) i32.const 1 i8x16.splat)
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
// (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat i8x16.relaxed_swizzle)
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

const FORMS: readonly Form[] = ["threads", "relaxed", "simd"];

const validates = (bytes: number[]) => WebAssembly.validate(new Uint8Array(bytes));
const refuse = (key: string, expected: string, found: unknown) =>
  new ArgumentInvalid(`options: \`${key}\`: expected ${expected}, found ${JSON.stringify(found)}`);

/**
 * The forms to try, the best first: the one that is asked for, or all that run here. An error where what is asked for cannot be had.
 * A thread that draws a page may not wait for others, so several threads need one that `canWait`.
 */
export function forms(form: Form | undefined, threads: number | undefined, canWait: boolean): Form[] {
  if (!validates(SIMD)) throw new Stopped("this browser has no WebAssembly SIMD; every browser since 2023 has it");
  if (form !== undefined && !FORMS.includes(form)) throw refuse("form", `one of ${FORMS.join(", ")}`, form);
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) throw refuse("threads", "a whole number from 1 on", threads);
  if (threads !== undefined && threads > 1 && form !== undefined && form !== "threads") {
    throw refuse("threads", `1, which is all that the form ${form} has`, threads);
  }

  const relaxed = validates(RELAXED);
  if (form === "threads" || (threads !== undefined && threads > 1)) {
    const no = (why: string) => new ArgumentInvalid(`no threads: ${why}`);
    if (!relaxed) throw no("this browser has no relaxed SIMD, which their form is built for");
    if (!canWait) throw no("they need a worker of the package's own, and `thread` is \"caller\"");
    if (!globalThis.crossOriginIsolated) throw no("they share memory, which this page may not: it is not cross-origin isolated");
    return ["threads"];
  }
  if (form !== undefined) return [form];
  const several = relaxed && canWait && globalThis.crossOriginIsolated && (threads ?? navigator.hardwareConcurrency) > 1;
  return FORMS.filter((form) => ({ threads: several, relaxed, simd: true })[form]);
}
