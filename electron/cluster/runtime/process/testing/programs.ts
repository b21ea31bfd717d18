import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { bundle, bundleBox, outputDirectory } from '../../../../../resources/images/box/testing/bundle.ts'

const images = path.resolve(import.meta.dirname, '../../../../../resources/images')

export interface Programs extends AsyncDisposable {
  shimEntry: string
  unpackEntry: string
  imagesDirectory: string
}

/** The shim, the unpacker and the sample images, built as the application's build does. */
export async function buildPrograms(): Promise<Programs> {
  const out = outputDirectory()
  const imagesDirectory = path.join(out, 'images')
  for (const name of readdirSync(images)) {
    const from = path.join(images, name)
    const isImage = existsSync(path.join(from, 'image.json'))
    if (isImage || name === 'preload') cpSync(from, path.join(imagesDirectory, name), { recursive: true })
  }
  await bundleBox(path.join(imagesDirectory, 'box/box.mjs'))
  const shimEntry = path.join(out, 'shim.mjs')
  await bundle(path.join(import.meta.dirname, '../shim/shim.ts'), shimEntry)
  const unpackEntry = path.join(out, 'unpack.mjs')
  await bundle(path.join(import.meta.dirname, '../images/layers/unpack.ts'), unpackEntry)
  return {
    shimEntry,
    unpackEntry,
    imagesDirectory,
    [Symbol.asyncDispose]: async () => rmSync(out, { recursive: true, force: true }),
  }
}
