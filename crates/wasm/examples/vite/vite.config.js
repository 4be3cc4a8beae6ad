export default {
  // The package finds its worker, its module and its model beside itself: leave it where it is while developing.
  optimizeDeps: { exclude: ["wembed"] },
  worker: { format: "es" },
  build: { target: "es2022" },
};
