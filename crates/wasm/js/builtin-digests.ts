// Made by scripts/build-npm of models/wembed-mini/model.

export const DIGESTS: Record<string, { size: number; sha256: string }> = {};
