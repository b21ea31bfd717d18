import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface Sample {
  name: string
  title: string
  description: string
  yaml: string
}

/** The manifests of a folder. Their leading comments are title (first line) and description. */
export function readSamples(folder: string): Sample[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const yaml = readFileSync(path.join(folder, file), 'utf8')
      const comments = /^(?:#.*\n)*/
        .exec(yaml)![0]
        .split('\n')
        .map((line) => line.replace(/^#\s?/, ''))
      const [title = file, ...description] = comments.filter(Boolean)
      return { name: path.basename(file, '.yaml'), title, description: description.join(' '), yaml }
    })
}
