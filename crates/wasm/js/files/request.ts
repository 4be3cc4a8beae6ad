// One request for a part of a file, and what its answer says of the part and the file.

import { Aborted, DownloadFailed, message } from "../errors.js";

/** A file's bytes on their way, from `start` on. */
export interface Answer {
  url: string;
  /** Where the body begins: 0 where the server does not answer Range requests. */
  start: number;
  /** The file's size, where the server says it in a way that can be believed. */
  size?: number;
  response: Response;
}

/** What is asked of servers, counted. */
export interface Traffic {
  requests: number;
  bytes: number;
  hosts: Set<string>;
}

/** Counts a request. */
export function count(traffic: Traffic, url: string): void {
  traffic.requests += 1;
  traffic.hosts.add(new URL(url).host);
}

/** Asks for a file from `start` on, up to `end` or its end. Undefined where there is no such file. */
export async function request(
  url: string,
  start: number,
  end: number | undefined,
  traffic: Traffic,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  let response: Response;
  try {
    count(traffic, url);
    // Of a part no server compresses what it sends, so that lengths are the file's.
    response = await fetch(url, { signal, headers: { range: `bytes=${start}-${end === undefined ? "" : end - 1}` } });
  } catch (error) {
    if (signal.aborted) throw new Aborted(signal.reason);
    throw new DownloadFailed(`${url}: ${message(error)}`, url);
  }
  traffic.hosts.add(new URL(response.url || url).host); // a hub sends on to where its files are
  switch (response.status) {
    case 404:
    case 410:
      return undefined;
    case 416: // there is no byte at `start`
      return { url, start, ...sizeOf(rangeOf(response, url)?.size), response };
    case 206: {
      const range = rangeOf(response, url);
      if (range && (range.start !== start || (end !== undefined && range.end > end))) {
        const found = `${range.start}-${range.end - 1}`;
        throw new DownloadFailed(`${url}: expected bytes ${start}-${end === undefined ? "" : end - 1}, the server sent ${found}`, url, 206);
      }
      const length = end === undefined ? lengthOf(response) : undefined;
      return { url, start, ...sizeOf(range?.size ?? (length === undefined ? undefined : start + length)), response };
    }
    case 200:
      return { url, start: 0, ...sizeOf(encoded(response) ? undefined : lengthOf(response)), response };
    default:
      throw new DownloadFailed(`${url}: the server answered ${response.status}`, url, response.status);
  }
}

const sizeOf = (size: number | undefined) => (size === undefined ? {} : { size });

/** The body's chunks. One that breaks off is an error, as far as the browser sees it. */
export async function* chunks({ url, response }: Answer, traffic: Traffic, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.status === 416 || !response.body) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      traffic.bytes += value.length;
      yield value;
    }
  } catch (error) {
    if (signal.aborted) throw new Aborted(signal.reason);
    throw new DownloadFailed(`${url}: the connection broke: ${message(error)}`, url, response.status);
  } finally {
    reader.cancel().catch(() => {}); // of a body that nobody wants any more
  }
}

/** `bytes FIRST-LAST/SIZE`, where SIZE may be `*`; undefined where the header is not there, or this page may not read it. */
function rangeOf(response: Response, url: string): { start: number; end: number; size?: number } | undefined {
  const header = response.headers.get("content-range");
  if (header === null) return undefined;
  const found = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(?:(\d{1,15})|\*)$/.exec(header);
  if (!found) throw new DownloadFailed(`${url}: malformed Content-Range \`${header}\``, url, response.status);
  const [, first = "0", last = "-1", size] = found;
  return { start: Number(first), end: Number(last) + 1, ...(size === undefined ? {} : { size: Number(size) }) };
}

function lengthOf(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** Whether the length that is said is that of something else. */
const encoded = (response: Response) => (response.headers.get("content-encoding") ?? "identity") !== "identity";
