// A hub's repository, listed: one request that says the commit, the files, their sizes and their digests.

import { ArgumentInvalid, DownloadFailed, message } from "../errors.js";
import type { Known, Place } from "./place.js";
import { type Traffic, count } from "./request.js";
import { Folder } from "./storage.js";

type Hub = Extract<Place, { kind: "hub" }>;
type Listed = Extract<Place, { kind: "listed" }>;

interface Answer {
  sha: string;
  siblings: { rfilename: string; size?: number; blobId?: string; lfs?: { sha256?: string } }[];
}

/** What is in the repository now; where the hub cannot be reached and `keep` is set, what was in it when it last could. */
export async function list(place: Hub, keep: boolean, traffic: Traffic, signal: AbortSignal): Promise<Listed> {
  const { id, revision, hub } = place;
  const url = `${hub}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const folder = keep ? await Folder.open(`${hub}/${id}`) : undefined;
  const path = `listing of ${revision}`;
  let answer: Answer;
  try {
    count(traffic, url);
    const response = await fetch(url, { signal });
    if (response.status === 404 || response.status === 401) {
      throw new ArgumentInvalid(`${hub} has no model \`${id}\` at \`${revision}\`, or does not show it to everybody`);
    }
    if (!response.ok) throw new DownloadFailed(`${url}: the server answered ${response.status}`, url, response.status);
    answer = checked(await response.json(), url);
    await folder?.keep(path, answer);
  } catch (error) {
    const known = error instanceof ArgumentInvalid ? undefined : await folder?.value<Answer>(path);
    if (!known) throw error instanceof ArgumentInvalid || error instanceof DownloadFailed ? error : new DownloadFailed(`${url}: ${message(error)}`, url);
    answer = known;
  }
  const file = ({ rfilename, size, blobId, lfs }: Answer["siblings"][number]): [string, Known] => {
    const address = `${hub}/${id}/resolve/${answer.sha}/${rfilename.split("/").map(encodeURIComponent).join("/")}`;
    const digest = lfs?.sha256 ? { sha256: lfs.sha256 } : blobId ? { git: blobId } : {};
    return [rfilename, { url: address, ...(size === undefined ? {} : { size }), ...digest }];
  };
  return { kind: "listed", name: `${hub}/${id}`, files: Object.fromEntries(answer.siblings.map(file)) };
}

/** What a hub answered, if that is a listing. */
function checked(answer: Partial<Answer> | null, url: string): Answer {
  const isFile = (file: Partial<Answer["siblings"][number]> | null) => typeof file?.rfilename === "string";
  if (!/^[0-9a-f]{40,64}$/.test(`${answer?.sha}`) || !Array.isArray(answer?.siblings) || !answer.siblings.every(isFile)) {
    throw new DownloadFailed(`${url}: the answer lists no commit and files`, url);
  }
  return answer as Answer;
}
