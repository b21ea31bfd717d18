import { defineConfig } from 'vite'

/** The sandboxed preload script: one CommonJS file. */
export default defineConfig({
  ssr: { noExternal: true, external: ['electron'] },
  build: {
    ssr: 'electron/preload/preload.ts',
    target: 'node24',
    outDir: 'out/preload',
    emptyOutDir: true,
    minify: false,
    copyPublicDir: false,
    rolldownOptions: { output: { format: 'cjs', entryFileNames: 'preload.cjs' } },
  },
})
