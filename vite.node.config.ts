import path from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const entry = (file: string): string => path.resolve(import.meta.dirname, file)

/**
 * What a start must not pay for. Node evaluates whatever its modules export lazily for anyone who imports them (undici
 * behind node:http, the root certificates behind node:tls), and nothing for who asks for the module itself. Text beyond
 * ASCII makes V8 hold a whole file in two bytes a character.
 */
const quickStart = (): Plugin => ({
  name: 'quick-start',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue
      chunk.code = chunk.code
        .replaceAll(/^import (?:([\w$]+)(?:, )?)?(?:\{([^}]*)\})? from ("(?:node:[\w/]+|lmdb)");$/gm, asked)
        .replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    }
  },
})

const ask = (id: string): string =>
  id.startsWith('"node:')
    ? `process.getBuiltinModule(${id})`
    : `process.getBuiltinModule("node:module").createRequire(import.meta.url)(${id})`

const asked = (_import: string, whole: string | undefined, names: string | undefined, id: string): string =>
  [whole, names && `{${names.replaceAll(' as ', ': ')}}`]
    .filter(Boolean)
    .map((taken) => `const ${taken} = ${ask(id)};`)
    .join(' ')

/**
 * Everything that runs under Node: one bundle per process, shared chunks between them. Native packages stay outside.
 * The sandboxed preload script is built apart (vite.preload.config.ts), since it must be CommonJS.
 */
export default defineConfig({
  define: { __WHEELHOUSE_VERSION__: JSON.stringify(process.env.npm_package_version ?? '0.1.0') },
  plugins: [quickStart()],
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
        unpack: entry('electron/cluster/runtime/process/images/layers/unpack.ts'),
        'yaml-worker': entry('electron/cluster/apiserver/handlers/yaml-worker.ts'),
        workbench: entry('electron/workbench/main.ts'),
        main: entry('electron/main/main.ts'),
      },
      output: { format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: 'chunks/[name]-[hash].mjs' },
    },
  },
})
