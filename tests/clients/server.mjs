// The server that the clients are pointed at: the program that cargo has built for the tests.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const program = process.env.WEMBED ?? fileURLToPath(new URL("../../target/debug/wembed", import.meta.url));

/** Starts it; what it says when it is ready, and the process. */
export async function serve(...words) {
  const child = spawn(program, ["serve", "--port", "0", "--exit-with-parent", ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  return { ...JSON.parse(line), child };
}
