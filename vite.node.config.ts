import path from 'node:path'
import { defineConfig } from 'vite'

const entry = (file: string): string => path.resolve(import.meta.dirname, file)

/**
 * Everything that runs under Node: one bundle per process, shared chunks between them. Native packages stay outside.
 * The sandboxed preload script is built apart (vite.preload.config.ts), since it must be CommonJS.
 */
export default defineConfig({
  define: { __WHEELHOUSE_VERSION__: JSON.stringify(process.env.npm_package_version ?? '0.1.0') },
  ssr: { noExternal: true, external: ['lmdb', '@lydell/node-pty', 'electron'] },
  build: {
    ssr: true,
    target: 'node24',
    outDir: 'out/node',
    emptyOutDir: true,
    minify: false,
    sourcemap: false,
    copyPublicDir: false,
    rolldownOptions: {
      input: {
        cli: entry('electron/cli/main.ts'),
        cluster: entry('electron/cluster/main.ts'),
        agent: entry('electron/cluster/agent-main.ts'),
        shim: entry('electron/cluster/runtime/process/shim/shim.ts'),
        workbench: entry('electron/workbench/main.ts'),
        main: entry('electron/main/main.ts'),
      },
      output: { format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: 'chunks/[name]-[hash].mjs' },
    },
  },
})
