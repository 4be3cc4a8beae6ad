// The page's elements, by their ids.

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Replaces what is in `parent` by a row of `tag` for each item. */
export function fill<T>(parent: HTMLElement, tag: string, items: Iterable<T>, make: (row: HTMLElement, item: T) => void): void {
  const rows = Array.from(items, (item) => {
    const row = document.createElement(tag);
    make(row, item);
    return row;
  });
  parent.replaceChildren(...rows);
}

/** Gives a file to the visitor. */
export function download(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const SIZES = ["bytes", "kB", "MB", "GB"];

/** Bytes as people say them. */
export function bytes(count: number): string {
  let [value, size] = [count, 0];
  while (value >= 1000 && size < SIZES.length - 1) [value, size] = [value / 1000, size + 1];
  return `${size > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${SIZES[size]}`;
}

/** The colour that a name has in style.css. */
export const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
