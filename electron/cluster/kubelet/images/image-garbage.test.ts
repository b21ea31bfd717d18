import { expect, it } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { ContainerStatus, ImageStatus } from '../../runtime/api.ts'
import { defaultPolicy, ImageGarbage, type ImageGarbagePolicy } from './image-garbage.ts'

const minute = 60_000

/** A disk of 1000 bytes on which nothing but images lies. */
function setUp(policy: Partial<ImageGarbagePolicy> = {}) {
  const clock = new FakeClock()
  const images = new Map<string, ImageStatus>()
  const warnings: string[] = []
  const state = { used: [] as string[], stuck: [] as string[] }
  const garbage = new ImageGarbage({
    clock,
    logger: silentLogger,
    warn: (reason, message) => void warnings.push(`${reason}: ${message}`),
    policy: { ...defaultPolicy, ...policy },
    runtime: {
      containers: async () => state.used.map((imageId) => ({ imageId }) as ContainerStatus),
      images: {
        status: async () => undefined,
        pull: () => Promise.reject(new Error('not here')),
        list: async () => [...images.values()],
        async remove(id) {
          if (state.stuck.includes(id)) throw new Error('in use')
          images.delete(id)
        },
        async disk() {
          const full = [...images.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
          return { capacityBytes: 1000, availableBytes: 1000 - full }
        },
      },
    },
  })
  const add = (id: string, sizeBytes: number, more: Partial<ImageStatus> = {}) =>
    void images.set(id, { id, tags: [`${id}:1`], sizeBytes, ...more })
  return { clock, images, warnings, state, garbage, add, left: () => [...images.keys()] }
}

it('removes what has been unused for longest until the disk is emptier than the low threshold', async () => {
  const { garbage, add, state, clock, left } = setUp()
  for (const id of ['first', 'second', 'third']) {
    add(id, 300)
    state.used = [id]
    // Seen before its age is asked for: nothing is over the threshold yet, or everything is too young.
    await garbage.collect().catch(() => {})
    await clock.advance(minute / 4)
  }
  state.used = ['first']
  await clock.advance(2 * minute)
  await garbage.collect()
  expect(left()).toEqual(['first', 'third'])
  await garbage[Symbol.asyncDispose]()
})

it('leaves what is young, pinned or used, and says that it found too little', async () => {
  const { garbage, add, state, clock, left, warnings } = setUp()
  add('used', 400)
  add('pinned', 300, { pinned: true })
  state.used = ['used']
  await garbage.collect()
  await clock.advance(3 * minute)
  add('young', 200)
  await expect(garbage.collect()).rejects.toThrow(/only found 0 bytes/)
  expect(left()).toEqual(['used', 'pinned', 'young'])
  expect(warnings).toEqual([
    'FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to free 100 bytes, but only found 0 bytes eligible to free.',
  ])
  await garbage[Symbol.asyncDispose]()
})

it('does not touch a disk below the high threshold', async () => {
  const { garbage, add, clock, left } = setUp()
  add('unused', 840)
  await garbage.collect()
  await clock.advance(60 * minute)
  await garbage.collect()
  expect(left()).toEqual(['unused'])
  await garbage[Symbol.asyncDispose]()
})

it('removes what nobody has used for the longest age, but not before it has watched for so long', async () => {
  const { add, state, clock, left, garbage } = setUp({ maxAge: 10 * minute })
  add('unused', 10)
  add('used', 10)
  state.used = ['used']
  await clock.advance(9 * minute)
  expect(left()).toEqual(['unused', 'used'])
  await clock.advance(6 * minute + 1)
  expect(left()).toEqual(['used'])
  await garbage[Symbol.asyncDispose]()
})

it('says what fails twice in a row, and goes on past what cannot be removed', async () => {
  const { add, state, clock, left, warnings, garbage } = setUp()
  add('stuck', 450)
  add('free', 450)
  state.stuck = ['stuck']
  await clock.advance(11 * minute)
  expect(left()).toEqual(['stuck'])
  add('pinned', 500, { pinned: true })
  await clock.advance(10 * minute)
  expect(warnings.map((warning) => warning.split(':')[0])).toEqual([
    'FreeDiskSpaceFailed',
    'FreeDiskSpaceFailed',
    'FreeDiskSpaceFailed',
    'ImageGCFailed',
  ])
  await garbage[Symbol.asyncDispose]()
})
