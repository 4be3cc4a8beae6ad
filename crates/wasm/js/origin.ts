// Workers of another origin, such as a CDN's: they may not be started, but imported by one that is of this origin.

const scripts = new Map<string, string>();

/** What to start instead of a script of another origin; undefined where it is of this one. */
export function ofAnotherOrigin(url: URL): string | undefined {
  if (!/^https?:$/.test(url.protocol) || url.origin === globalThis.origin) return undefined;
  let script = scripts.get(url.href);
  if (script === undefined) {
    script = URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" }));
    scripts.set(url.href, script);
  }
  return script;
}
