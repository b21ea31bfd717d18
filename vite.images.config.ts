import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const source = path.resolve(import.meta.dirname, 'resources/images')
const out = path.resolve(import.meta.dirname, 'out/images')

/** Folders without a `src` are images as they lie there. */
const copyImages: Plugin = {
  name: 'wheelhouse-images',
  buildStart() {
    rmSync(out, { recursive: true, force: true })
    for (const name of readdirSync(source)) {
      const folder = path.join(source, name)
      if (name !== 'README.md' && !existsSync(path.join(folder, 'src')))
        cpSync(folder, path.join(out, name), { recursive: true })
    }
  },
}

/** The sample images, and the one program behind all their small tools. */
export default defineConfig({
  plugins: [copyImages],
  ssr: { noExternal: true },
  build: {
    ssr: 'resources/images/box/src/box.ts',
    target: 'node24',
    outDir: 'out/images/box',
    emptyOutDir: false,
    minify: false,
    copyPublicDir: false,
    rolldownOptions: { output: { format: 'esm', entryFileNames: 'box.mjs', codeSplitting: false } },
  },
})
