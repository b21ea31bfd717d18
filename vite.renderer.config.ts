import path from 'node:path'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const here = (file: string): string => path.resolve(import.meta.dirname, file)

/**
 * The UI: one page, no inline scripts (the content security policy forbids them), heavy parts in chunks of their own.
 * `--mode demo` builds the page that runs on an in-memory workbench instead.
 */
export default defineConfig(({ mode }) => ({
  root: here('renderer'),
  publicDir: here('renderer/public'),
  plugins: [vue(), tailwindcss()],
  resolve: {
    alias: {
      '#shared': here('shared'),
      // monaco-worker-manager names a path that Monaco's exports no longer have.
      'monaco-editor/esm/vs': here('node_modules/monaco-editor/esm/vs'),
    },
  },
  define: {
    __VUE_OPTIONS_API__: 'true',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  worker: { format: 'es' },
  build: {
    outDir: here(mode === 'demo' ? 'out/demo' : 'out/renderer'),
    emptyOutDir: true,
    // Electron's own Chromium, and the browsers in which people open the serve host.
    target: ['chrome123', 'firefox128', 'safari18'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      input: here(mode === 'demo' ? 'renderer/demo.html' : 'renderer/index.html'),
      output: {
        entryFileNames: 'assets/[name]-[hash:8].js',
        chunkFileNames: 'assets/[name]-[hash:8].js',
        assetFileNames: 'assets/[name]-[hash:8][extname]',
      },
    },
  },
}))
