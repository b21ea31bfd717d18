import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build } from 'vite'

const root = path.resolve(import.meta.dirname, '../../../..')

/** One program as the application's build bundles it: a single file for Node. */
export async function bundle(entry: string, file: string): Promise<void> {
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['@lydell/node-pty'] },
    build: {
      ssr: entry,
      outDir: path.dirname(file),
      emptyOutDir: false,
      target: 'node24',
      minify: false,
      copyPublicDir: false,
      rolldownOptions: { output: { entryFileNames: path.basename(file), codeSplitting: false } },
    },
  })
}

/** A directory of its own; inside the project, so that programs find their native packages. */
export function outputDirectory(): string {
  const parent = path.join(root, 'node_modules/.cache')
  mkdirSync(parent, { recursive: true })
  return mkdtempSync(path.join(parent, 'wheelhouse-programs-'))
}

export const bundleBox = (file: string): Promise<void> =>
  bundle(path.join(root, 'resources/images/box/src/box.ts'), file)

/** The tools of /bin in a directory for PATH, with Node among them. */
export async function installBox(): Promise<{ bin: string } & AsyncDisposable> {
  const directory = outputDirectory()
  const box = path.join(directory, 'box.mjs')
  await bundleBox(box)
  const bin = path.join(directory, 'bin')
  mkdirSync(bin)
  writeFileSync(path.join(bin, 'box'), `#!${process.execPath} ${box}\n`)
  chmodSync(path.join(bin, 'box'), 0o755)
  const image = JSON.parse(readFileSync(path.join(root, 'resources/images/shell/image.json'), 'utf8')) as {
    bin: string[]
  }
  for (const tool of image.bin) symlinkSync('box', path.join(bin, tool))
  symlinkSync(process.execPath, path.join(bin, 'node'))
  return { bin, [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true, force: true }) }
}
