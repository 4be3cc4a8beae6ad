// A word table in packs (crates/model/src/word_table.rs): which of them come first, and who waits for them. What is asked of a server, and in
// which order, does not depend on any text, unless the caller wants it so.

import { Aborted, ArgumentInvalid, ModelInvalid } from "../errors.js";
import type { Remote } from "./place.js";
import { known } from "./place.js";

/** Files that can be waited for. */
export interface Whole {
  size(path: string): Promise<number | undefined>;
  read(path: string, start: number, end: number): Promise<Uint8Array>;
  /** Settles when all of a file is here and right. */
  whole(path: string): Promise<void>;
}

interface Pack {
  file: string;
  /** ISO 15924's name of it; `Zyyy` for what every script needs. */
  script: string;
  language?: string;
  /** Whether texts seldom need it. */
  rest?: boolean;
}

/** What `pack.json` says. */
export interface PackedModel {
  files: Record<string, { size: number; sha256: string }>;
  packs: Pack[];
}

export const PACKED = "pack.json";

/** The form of `pack.json` that is known here. */
const VERSION = 1;

/** The largest `pack.json` that is read. */
const LARGEST = 1 << 20;

/** ISO 15924's names for scripts that are several, as Unicode has them. */
const SEVERAL: Record<string, string[]> = { Jpan: ["Hira", "Kana", "Hani"], Kore: ["Hang", "Hani"], Hans: ["Hani"], Hant: ["Hani"] };

/** What a packed model's `pack.json` says; undefined where the model is not packed. */
export async function packed(files: Omit<Whole, "whole">): Promise<PackedModel | undefined> {
  const size = await files.size(PACKED);
  if (size === undefined) return undefined;
  const wrong = (found: string) => new ModelInvalid(`\`${PACKED}\`: expected a packed model's files and packs in version ${VERSION}, found ${found}`);
  if (size > LARGEST) throw wrong(`${size} bytes`);
  let said;
  try {
    said = JSON.parse(new TextDecoder().decode(await files.read(PACKED, 0, size)));
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong(error.message);
    throw error;
  }
  if (said?.wembed_pack !== VERSION) throw wrong(`version ${said?.wembed_pack}`);
  const isFile = (file: unknown) => {
    const { size, sha256 } = (file ?? {}) as Record<string, unknown>;
    return Number.isSafeInteger(size) && Number(size) >= 0 && /^[0-9a-f]{64}$/.test(String(sha256));
  };
  const isPack = (pack: Partial<Pack> | null) => typeof pack?.file === "string" && typeof pack.script === "string" && Object.hasOwn(said.files, pack.file);
  if (typeof said.files !== "object" || said.files === null || !Object.values(said.files).every(isFile)) throw wrong("a file without a size and a SHA-256");
  if (!Array.isArray(said.packs) || !said.packs.every(isPack)) throw wrong("a pack without a file and a script");
  if (new Set(said.packs.map(({ file }: Pack) => file)).size !== said.packs.length) throw wrong("a pack twice");
  return said;
}

/** The same place, with what is known of its files. */
export function listed(place: Remote, { files }: PackedModel): Remote {
  const entries = Object.entries(files).flatMap(([path, { size, sha256 }]) => {
    const file = known(place, path);
    return file ? [[path, { ...file, size, sha256 }] as const] : [];
  });
  // The list itself is as it came.
  const list = known(place, PACKED);
  return { kind: "listed", name: place.name, files: { ...Object.fromEntries(entries), ...(list ? { [PACKED]: list } : {}) } };
}

/**
 * The packs that readers of `languages` need, then all others: those of their scripts first. Of a language for whose script no pack is needed, as nobody counted its
 * texts, the first pack of the script is.
 */
export function order(packs: readonly Pack[], languages: readonly string[]): { first: string[]; others: string[] } {
  const wanted = languages.map(locale).map(({ language, script = "" }) => ({ language, scripts: SEVERAL[script] ?? [script] }));
  const scripts = new Set(["Zyyy", ...wanted.flatMap(({ scripts }) => scripts)]);
  const isOf = (one: string) => wanted.some(({ language }) => language === one);
  const needed = new Set(packs.filter(({ script, language, rest }) => !rest && (language === undefined ? scripts.has(script) : isOf(language))));
  for (const { scripts } of wanted) {
    const of = packs.filter(({ script }) => scripts.includes(script));
    if (of[0] && !of.some((pack) => needed.has(pack))) needed.add(of[0]);
  }
  const rank = ({ script, rest }: Pack) => (scripts.has(script) ? 0 : 2) + (rest ? 1 : 0);
  const others = packs.filter((pack) => !needed.has(pack)).sort((left, right) => rank(left) - rank(right));
  const names = (packs: Pack[]) => packs.map(({ file }) => file);
  return { first: names(packs.filter((pack) => needed.has(pack))), others: names(others) };
}

/** A language and the script that it is written in. */
function locale(tag: string): Intl.Locale {
  try {
    return new Intl.Locale(tag).maximize();
  } catch {
    throw new ArgumentInvalid(`options: \`languages\`: expected languages as BCP 47 names them, "de" or "zh-Hant", found ${JSON.stringify(tag)}`);
  }
}

/** The languages of whoever sits before the browser. */
export function ownLanguages(): string[] {
  const isLanguage = (tag: string) => {
    try {
      return new Intl.Locale(tag).language !== "";
    } catch {
      return false;
    }
  };
  return [...(globalThis.navigator?.languages ?? [])].filter(isLanguage); // Node 20 has no navigator
}

/** Milliseconds until a pack that did not come is asked for again, and how often that is doubled. */
const PAUSE = 1000;
const DOUBLINGS = 6;

/** A pack that somebody waits for, or that is on its way. */
interface Coming {
  /** What was wrong when it was last asked for. */
  failure?: unknown;
  /** Whoever waits. */
  stirred: (() => void)[];
}

/** Packs on their way. */
export class Packs {
  readonly #here = new Set<string>();
  readonly #coming = new Map<string, Coming>();
  readonly #loading = new Map<string, Promise<void>>();

  constructor(
    private readonly files: Whole,
    private readonly all: readonly string[],
    /** Whether packs come that no text has needed so far. */
    private readonly eager: boolean,
    private readonly failed: (error: unknown) => void,
    /** Ends with the model. */
    private readonly signal: AbortSignal,
  ) {}

  /** How many are here, of how many. */
  get count(): { here: number; of: number } {
    return { here: this.#here.size, of: this.all.length };
  }

  /** Whether there is nothing to wait for. */
  get complete(): boolean {
    return this.#here.size === this.all.length;
  }

  /** Loads some of them. */
  async load(packs: readonly string[]): Promise<void> {
    for (const pack of packs) await this.#load(pack);
  }

  /**
   * Loads all others, one after the other, while other things are done. One that does not come is asked for again when all have been, later each time;
   * no text has a part in that.
   */
  begin(): void {
    if (this.eager) void this.#all();
  }

  async #all(): Promise<void> {
    for (let round = 0; !this.complete && !this.signal.aborted; round++) {
      if (round > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE << Math.min(round - 1, DOUBLINGS)));
      for (const pack of this.all) if (!this.signal.aborted) await this.#load(pack).catch(() => {});
    }
  }

  /** Waits until these are here. One of them that does not come is said; it may come later. */
  async here(packs: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const pack of packs) {
      if (!this.all.includes(pack)) throw new ModelInvalid(`\`${PACKED}\`: expected \`${pack}\`, which the encoder's file names, found no pack of this name`);
    }
    const missing = [...packs].filter((pack) => !this.#here.has(pack));
    if (this.eager) {
      for (const pack of missing) await this.#stir(pack, signal);
    } else {
      for (const pack of missing) await stopped(this.#load(pack), signal);
    }
  }

  #load(pack: string): Promise<void> {
    if (this.#here.has(pack)) return Promise.resolve();
    let loading = this.#loading.get(pack);
    if (!loading) {
      const coming = this.#coming.get(pack) ?? { stirred: [] };
      this.#coming.set(pack, coming);
      loading = this.files
        .whole(pack)
        .then(
          () => void this.#here.add(pack),
          (error: unknown) => {
            coming.failure = error;
            if (!this.signal.aborted) this.failed(error);
            throw error;
          },
        )
        .finally(() => {
          this.#loading.delete(pack);
          for (const stirred of coming.stirred.splice(0)) stirred();
        });
      this.#loading.set(pack, loading);
    }
    return loading;
  }

  /** Waits until a pack is here, or was asked for in vain. */
  async #stir(pack: string, signal: AbortSignal): Promise<void> {
    const coming = this.#coming.get(pack) ?? { stirred: [] };
    this.#coming.set(pack, coming);
    if (!this.#here.has(pack) && (coming.failure === undefined || this.#loading.has(pack))) {
      await stopped(new Promise<void>((resolve) => coming.stirred.push(resolve)), signal);
    }
    if (!this.#here.has(pack)) throw coming.failure;
  }
}

/** Waits for a promise, or for the signal. */
function stopped(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Aborted(signal.reason));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
