import { Embedder } from "wembed";

const model = await Embedder.load("wembed-mini", { onProgress: ({ loaded, total }) => console.log(`${loaded} of ${total} bytes`) });
const vectors = await model.embed(["The cat sleeps.", "Die Katze schläft.", "Inflation rose last month."]);
const [, near, far] = await model.similarity(vectors);
document.querySelector("pre")!.textContent = `near ${near!.toFixed(2)}, far ${far!.toFixed(2)}`;
