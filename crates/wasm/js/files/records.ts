// What is known of kept models and files: small values in IndexedDB, which is right or not there, whoever is writing when a page ends.

const DATABASE = "wembed";

/** Stores: models by their folder, and values of a model by its folder and a name. */
type Store = "models" | "values";

/** Every value of a model. */
export const valuesOf = (folder: string) => IDBKeyRange.bound([folder], [folder, []]);

/** One request to a store; undefined where there is no database, or it fails: then it is as if nothing had been kept. */
export async function ask<T>(store: Store, mode: IDBTransactionMode, request: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  let database: IDBDatabase | undefined;
  try {
    database = await open();
    const transaction = database.transaction(store, mode);
    const asked = request(transaction.objectStore(store));
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } catch {
    return undefined;
  } finally {
    database?.close();
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => {
      request.result.createObjectStore("models");
      request.result.createObjectStore("values");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
