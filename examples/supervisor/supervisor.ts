// Keeps `wembed serve` running beside a program: starts it, waits until it is ready, starts it again when it ends, and ends it with the program.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export type Ready = { url: string; pid: number; model: string; fingerprint: string };

export class Supervisor {
  #child?: ChildProcess;
  #isOver = false;
  /** Where it is; settles when it can answer. */
  ready: Promise<Ready>;

  constructor(private readonly program: string, private readonly words: readonly string[] = [], private readonly pause = 500) {
    this.ready = this.#start();
  }

  #start(): Promise<Ready> {
    // Should this program be killed, the server sees that its parent is gone, and its standard input's end.
    const words = ["serve", "--port", "0", "--exit-with-parent", "--exit-with-stdin", ...this.words];
    const child = (this.#child = spawn(this.program, words, { stdio: ["pipe", "pipe", "inherit"] }));
    const ready = new Promise<Ready>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line) as Ready));
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`wembed ended with ${code} before it was ready`)));
    });
    ready.catch(() => {}); // who waits hears of it
    child.once("exit", () => setTimeout(() => !this.#isOver && (this.ready = this.#start()), this.pause));
    return ready;
  }

  stop(): void {
    this.#isOver = true;
    this.#child?.kill("SIGTERM");
  }
}
