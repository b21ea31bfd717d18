import { expect, it, vi } from 'vitest'

const listeners = vi.hoisted(() => new Map<string, (event: { ports: unknown[] }) => void>())
vi.mock('electron', () => ({
  ipcRenderer: {
    on: (channel: string, listener: (event: { ports: unknown[] }) => void) => listeners.set(channel, listener),
  },
}))

it('passes the port on to the page’s own origin, and listens to nothing else', async () => {
  const posted: unknown[][] = []
  vi.stubGlobal('origin', 'wheelhouse://app')
  vi.stubGlobal('postMessage', (...message: unknown[]) => posted.push(message))
  await import('./preload.ts')
  expect([...listeners.keys()]).toEqual(['wheelhouse:port'])
  listeners.get('wheelhouse:port')!({ ports: ['port'] })
  expect(posted).toEqual([['wheelhouse:port', 'wheelhouse://app', ['port']]])
  vi.unstubAllGlobals()
})
