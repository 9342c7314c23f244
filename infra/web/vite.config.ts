import { defineConfig } from 'vite';

// One HTML page per entry; the server sends dist/<entry>/index.html at /<entry>/ and dist/assets at /assets.
// Addresses are relative, so the pages also work behind a proxy that adds a path in front.
export default defineConfig({
  base: './',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Monaco, the editor inside GraphiQL, is one indivisible part of about this size.
    chunkSizeWarningLimit: 4096,
    // The licences of everything bundled travel with it.
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: { graphiql: 'graphiql/index.html' },
      // Libraries mark files for React servers with "use client"; a bundle for browsers has no use for the mark.
      onLog: (level, log, report) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') {
          report(level, log);
        }
      },
    },
  },
  worker: { format: 'es' },
});
