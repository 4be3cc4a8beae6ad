// Made by scripts/build-npm of the vectors that sentence-transformers gives.

import type { Stored } from "./files/place.js";

export const STORED: Stored = { text: "", vector: [] };
