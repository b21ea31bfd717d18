import { readFileSync } from 'node:fs'
import type { Descriptions } from './api.ts'
import own from './data/descriptions.json' with { type: 'json' }

export const noDescriptions: Descriptions = { type: () => '', field: () => '' }

type Texts = Record<string, Record<string, string>>

const packages =
  /^io\.k8s\.(?:apimachinery\.pkg\.apis\.|apiextensions-apiserver\.pkg\.apis\.|kube-aggregator\.pkg\.apis\.|apimachinery\.pkg\.|api\.)/

/**
 * The descriptions that the build took from the typed client (scripts/descriptions.mjs). The file is read when the
 * first one is asked for; without it all but our own types is served undescribed.
 */
export function readDescriptions(path: string): Descriptions {
  let texts: Texts | undefined
  const of = (type: string): Record<string, string> => {
    texts ??= load(path)
    return texts[type.replace(packages, '')] ?? (own as Texts)[type] ?? {}
  }
  return { type: (name) => of(name)[''] ?? '', field: (type, field) => of(type)[field] ?? '' }
}

function load(path: string): Texts {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Texts
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}
