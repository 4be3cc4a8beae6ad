// The page: one model, one library of texts, and the views of them.

import { Library } from "./library.js";
import { element } from "./page.js";
import { panel, show } from "./panel.js";
import { Search } from "./search.js";
import { Session } from "./session.js";
import { tabs } from "./tabs.js";

const session = new Session(async () => {
  library.forget();
  await search.takeTexts();
  await view(shown);
});
const library = new Library(session);
const search = new Search(session, library);
let shown = "search";

// What only some views need comes when they are first looked at.
const views: Record<string, () => Promise<void>> = {
  map: async () => (await import("./map.js")).draw(library, { text: element<HTMLInputElement>("query").value, vector: search.vector }),
  benchmark: async () => (await import("./benchmark.js")).prepare(session),
  panel: () => show(session),
};

async function view(name: string): Promise<void> {
  shown = name;
  await views[name]?.();
}

panel(session);
tabs(document.querySelector("[role=tablist]")!, (name) => void view(name));
void session.load(session.choice);
