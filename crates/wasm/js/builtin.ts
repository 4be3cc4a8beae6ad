// The model that comes with the package: its files lie beside it, and are fetched as any other model's.

import { DIGESTS } from "./builtin-digests.js";
import { STORED } from "./builtin-vector.js";
import type { Known, Place } from "./files/place.js";

export const BUILT_IN = "wembed-mini";

// Spelled out, so that bundlers find them.
const URLS: Record<string, () => URL> = {
  "1_Pooling/config.json": () => new URL("./model/1_Pooling/config.json", import.meta.url),
  "config.json": () => new URL("./model/config.json", import.meta.url),
  "config_sentence_transformers.json": () => new URL("./model/config_sentence_transformers.json", import.meta.url),
  "model.safetensors": () => new URL("./model/model.safetensors", import.meta.url),
  "modules.json": () => new URL("./model/modules.json", import.meta.url),
  "sentence_bert_config.json": () => new URL("./model/sentence_bert_config.json", import.meta.url),
  "tokenizer.json": () => new URL("./model/tokenizer.json", import.meta.url),
  "tokenizer_config.json": () => new URL("./model/tokenizer_config.json", import.meta.url),
};

export function builtIn(): Place {
  const file = ([path, url]: [string, () => URL]): [string, Known] => [path, { url: url().href, ...DIGESTS[path] }];
  return { kind: "listed", name: BUILT_IN, files: Object.fromEntries(Object.entries(URLS).map(file)), stored: STORED };
}
