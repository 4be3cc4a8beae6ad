// A browser without a window, with WebGPU in software or without any.

import { chromium } from "playwright-core";

// SwiftShader compiles a zero for every word of workgroup memory, which takes it over a second a kernel; without the
// extension Chromium's own loop writes them, and a model loads six times as fast.
const webgpu = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
];

const options = (hasWebGpu, ...more) => ({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...(hasWebGpu ? webgpu : []),
    ...more,
  ],
});

/** `more` are further flags of Chromium's. */
export const launch = (hasWebGpu = true, ...more) => chromium.launch(options(hasWebGpu, ...more));

/** A browser of one context whose storage lies in a directory: only such a one keeps to a quota. */
export const launchIn = (directory) => chromium.launchPersistentContext(directory, options(false));
