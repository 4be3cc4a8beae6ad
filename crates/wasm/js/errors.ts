// What can go wrong, each kind a class of its own. An error crosses from the worker as a plain object and is the same class again here.

/** Any error of this package; `kind` names the class, for code that does not want to import it. */
export class WembedError extends Error {
  override readonly name: string = "WembedError";
  constructor(
    /** What kind of error it is. */
    readonly kind: Kind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** There is no WebGPU adapter, or the one there is computes wrongly. `device: "auto"` takes the processor instead. */
export class WebGpuUnavailable extends WembedError {
  override readonly name = "WebGpuUnavailable";
  constructor(message: string) {
    super("webgpu", message);
  }
}

/** A thing is larger than the device takes. */
export class LimitExceeded extends WembedError {
  override readonly name = "LimitExceeded";
  constructor(
    message: string,
    /** WebGPU's name of the limit, as wgpu spells it. */
    readonly limit: string,
    /** What would be needed. */
    readonly needed: number,
    /** What the device has. */
    readonly got: number,
  ) {
    super("limit", message);
  }
}

/** The device was lost, and lost again when the work was done anew. */
export class DeviceLost extends WembedError {
  override readonly name = "DeviceLost";
  constructor(message: string) {
    super("lost", message);
  }
}

/** The device failed otherwise: it has no memory left, or refused what it was given. */
export class DeviceFailed extends WembedError {
  override readonly name = "DeviceFailed";
  constructor(message: string) {
    super("device", message);
  }
}

/** A file did not come, or not whole, or not the right one. Trying again may help. */
export class DownloadFailed extends WembedError {
  override readonly name = "DownloadFailed";
  constructor(
    message: string,
    /** Which file. */
    readonly url: string,
    /** The server's last status, where it answered. */
    readonly status?: number,
  ) {
    super("download", message);
  }
}

/** The caller's signal stopped it. `cause` is the signal's reason. */
export class Aborted extends WembedError {
  override readonly name = "Aborted";
  constructor(reason?: unknown) {
    super("aborted", "this was aborted", { cause: reason });
  }
}

/** What is in the model's files is wrong, missing, or nothing that wembed knows. Trying again does not help. */
export class ModelInvalid extends WembedError {
  override readonly name = "ModelInvalid";
  constructor(message: string) {
    super("model", message);
  }
}

/** An argument or an option is wrong, or does not fit the model. */
export class ArgumentInvalid extends WembedError {
  override readonly name = "ArgumentInvalid";
  constructor(message: string) {
    super("argument", message);
  }
}

/** One text could not be embedded; the others have their vectors. */
export class TextInvalid extends WembedError {
  override readonly name = "TextInvalid";
  constructor(message: string) {
    super("text", message);
  }
}

/** Nothing is answered any more: the model was disposed, its worker did not start or was stopped by a bug. */
export class Stopped extends WembedError {
  override readonly name = "Stopped";
  constructor(message: string) {
    super("stopped", message);
  }
}

export type Kind = "webgpu" | "limit" | "lost" | "device" | "download" | "aborted" | "model" | "argument" | "text" | "stopped";

/** An error that a worker can post. */
export type PlainError = { kind: string; message: string } & Partial<Record<"limit" | "url", string> & Record<"needed" | "got" | "status", number>>;

/** What was thrown says. */
export const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** What was thrown, as one of the classes: the package's own, the module's errors, and a bug, which is `Stopped`. */
export function typed(thrown: unknown): WembedError {
  if (thrown instanceof WembedError) return thrown;
  const { kind, message = String(thrown), limit = "", needed = 0, got = 0, url = "", status } = (thrown ?? {}) as Partial<PlainError>;
  switch (kind as Kind) {
    case "webgpu":
      return new WebGpuUnavailable(message);
    case "limit":
      return new LimitExceeded(message, limit, needed, got);
    case "lost":
      return new DeviceLost(message);
    case "device":
      return new DeviceFailed(message);
    case "download":
      return new DownloadFailed(message, url, status);
    case "aborted":
      return new Aborted();
    case "model":
      return new ModelInvalid(message);
    case "argument":
      return new ArgumentInvalid(message);
    case "text":
      return new TextInvalid(message);
    default:
      return new Stopped(message);
  }
}

/** The same as a worker posts it. */
export function plain(error: WembedError): PlainError {
  const { kind, message, limit, needed, got, url, status } = error as WembedError & Partial<PlainError>;
  return { kind, message, limit, needed, got, url, status } as PlainError;
}
