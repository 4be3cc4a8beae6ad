// Who spends the processor's time: this process with all that it started, and all others.

import { readdirSync, readFileSync } from "node:fs";

const TICKS = 100; // a second, in /proc, on every Linux that Node runs on

/** Processor time of this process and its descendants that are alive, in seconds. */
export function ownSeconds() {
  const processes = new Map();
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    let stat;
    try {
      stat = readFileSync(`/proc/${id}/stat`, "utf8");
    } catch {
      continue; // it has ended
    }
    // The name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    processes.set(id, { parent: fields[1], ticks: Number(fields[11]) + Number(fields[12]) });
  }
  const ours = (id) => id === String(process.pid) || (processes.has(id) && ours(processes.get(id).parent));
  return [...processes].reduce((sum, [id, { ticks }]) => sum + (ours(id) ? ticks : 0), 0) / TICKS;
}

/** Processor time that this machine has spent, that which its host kept for others (`steal`) included. */
export function busySeconds() {
  const fields = readFileSync("/proc/stat", "utf8").split("\n")[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const [user, nice, system, , , interrupts, softInterrupts, steal] = fields;
  return (user + nice + system + interrupts + softInterrupts + steal) / TICKS;
}
