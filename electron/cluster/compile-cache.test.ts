import { constants } from 'node:module'
import path from 'node:path'
import { expect, it } from 'vitest'
import { keepCompiledCode } from './compile-cache.ts'
import { userDataDirectory } from './options.ts'

const { ENABLED, FAILED } = constants.compileCacheStatus

it('keeps compiled code beside the bundles', () => {
  const asked: string[] = []
  keepCompiledCode('/opt/bundles', (place) => (asked.push(place), { status: ENABLED }))
  expect(asked).toEqual([path.join('/opt/bundles', 'compiled')])
})

it("keeps it with the user's data where an installation cannot be written to", () => {
  const asked: string[] = []
  keepCompiledCode('/opt/bundles', (place) => (asked.push(place), { status: FAILED }))
  expect(asked).toEqual([path.join('/opt/bundles', 'compiled'), path.join(userDataDirectory(), 'compiled')])
})
