// What crates/wasm/inline.mjs puts into inline.ts.

declare module "inline:worker" {
  /** The worker's script. */
  const script: string;
  export default script;
}

declare module "inline:wasm" {
  /** The module's bytes. */
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
