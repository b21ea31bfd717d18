import type { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

/** What the shell did with Electron, which is not here: its binary cannot run in unit tests. */
const electron = vi.hoisted(() => ({
  windows: [] as FakeWindow[],
  children: [] as FakeChild[],
  schemes: [] as { scheme: string; privileges: object }[],
  handlers: new Map<string, (request: { url: string }) => Promise<Response>>(),
  opened: [] as string[],
  errors: [] as string[],
  quits: 0,
  alone: true,
  app: undefined as unknown as EventEmitter,
}))

interface FakeWindow extends EventEmitter {
  options: { webPreferences: object }
  url: string
  webContents: EventEmitter & {
    posted: { channel: string; ports: unknown[] }[]
    openHandler: (details: { url: string }) => { action: string }
    permit: (permission: string) => boolean
  }
}

interface FakeChild extends EventEmitter {
  posted: { message: { type: string }; ports: unknown[] }[]
  killed: boolean
}

vi.mock('electron', async () => {
  const { EventEmitter } = await import('node:events')
  const app = Object.assign(new EventEmitter(), {
    requestSingleInstanceLock: () => electron.alone,
    whenReady: () => Promise.resolve(),
    quit: () => {
      electron.quits++
    },
  })
  electron.app = app
  class BrowserWindow extends EventEmitter {
    static getAllWindows = () => electron.windows
    options: object
    url = ''
    webContents: EventEmitter
    constructor(options: object) {
      super()
      this.options = options
      const contents = Object.assign(new EventEmitter(), {
        posted: [] as unknown[],
        openHandler: (): unknown => undefined,
        permit: (_permission: string): boolean => true,
        postMessage: (channel: string, _message: unknown, ports: unknown[]) => contents.posted.push({ channel, ports }),
        setWindowOpenHandler: (handler: () => unknown) => (contents.openHandler = handler),
        session: {
          setPermissionRequestHandler: (
            handler: (contents: unknown, permission: string, decide: (yes: boolean) => void) => void,
          ) => {
            contents.permit = (permission) => {
              let allowed = false
              handler(contents, permission, (yes) => (allowed = yes))
              return allowed
            }
          },
          setPermissionCheckHandler: () => {},
        },
      })
      this.webContents = contents
      electron.windows.push(this as unknown as FakeWindow)
    }
    show() {}
    focus() {}
    restore() {}
    isMinimized = () => false
    isDestroyed = () => !electron.windows.includes(this as unknown as FakeWindow)
    loadURL(url: string) {
      this.url = url
      return Promise.resolve()
    }
  }
  class MessageChannelMain {
    port1 = { end: 'workbench' }
    port2 = { end: 'page' }
  }
  return {
    app,
    BrowserWindow,
    MessageChannelMain,
    Menu: { setApplicationMenu: () => {}, buildFromTemplate: (template: unknown) => template },
    shell: { openExternal: (url: string) => Promise.resolve(electron.opened.push(url)) },
    dialog: { showErrorBox: (title: string) => electron.errors.push(title) },
    protocol: {
      registerSchemesAsPrivileged: (schemes: typeof electron.schemes) => electron.schemes.push(...schemes),
      handle: (scheme: string, handler: (request: { url: string }) => Promise<Response>) =>
        electron.handlers.set(scheme, handler),
    },
    utilityProcess: {
      fork: () => {
        const child = Object.assign(new EventEmitter(), {
          posted: [] as unknown[],
          killed: false,
          postMessage: (message: unknown, ports: unknown[] = []) => child.posted.push({ message, ports }),
          kill: () => (child.killed = true),
        })
        electron.children.push(child as unknown as FakeChild)
        return child
      },
    },
  }
})

async function start() {
  vi.resetModules()
  await import('./main.ts')
  await new Promise((resolve) => setImmediate(resolve))
}

beforeEach(() => {
  Object.assign(electron, { windows: [], children: [], schemes: [], opened: [], errors: [], quits: 0, alone: true })
  electron.handlers.clear()
})
afterEach(() => {
  vi.useRealTimers()
  electron.app?.removeAllListeners()
})

const window = () => electron.windows[0]!
const portsOf = (child: FakeChild) => child.posted.filter(({ message }) => message.type === 'connect').length

it('keeps the page in a sandbox without Node', async () => {
  await start()
  expect(window().options.webPreferences).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webviewTag: false,
  })
  expect(window().url).toBe('wheelhouse://app/index.html')
})

it.each([
  ['wheelhouse://app/index.html#/pods', true],
  ['wheelhouse://app.evil/index.html', false],
  ['wheelhouse://application/', false],
  ['https://evil.example/', false],
  ['file:///etc/passwd', false],
  ['javascript:alert(1)', false],
])('navigates to %s: %s', async (url, allowed) => {
  await start()
  for (const name of ['will-navigate', 'will-redirect']) {
    const event = { preventDefault: vi.fn() }
    window().webContents.emit(name, event, url)
    expect(event.preventDefault).toHaveBeenCalledTimes(allowed ? 0 : 1)
  }
})

it('opens links in the browser, programs never', async () => {
  await start()
  for (const url of ['https://kubernetes.io/', 'file:///bin/sh', 'ms-msdt:x', 'httpsx://a'])
    expect(window().webContents.openHandler({ url })).toEqual({ action: 'deny' })
  expect(electron.opened).toEqual(['https://kubernetes.io/'])
})

it('permits the page to write the clipboard and nothing else', async () => {
  await start()
  expect(
    ['clipboard-sanitized-write', 'clipboard-read', 'media', 'geolocation', 'openExternal'].filter((permission) =>
      window().webContents.permit(permission),
    ),
  ).toEqual(['clipboard-sanitized-write'])
})

it('hands each page a port of its own, a reloaded one too', async () => {
  await start()
  window().webContents.emit('did-finish-load')
  window().webContents.emit('did-finish-load')
  expect(window().webContents.posted.map(({ channel, ports }) => [channel, ports])).toEqual(
    Array(2).fill(['wheelhouse:port', [{ end: 'page' }]]),
  )
  expect(portsOf(electron.children[0]!)).toBe(2)
})

it('starts a crashed workbench again and hands the windows new ports; after three crashes in a row it says so', async () => {
  await start()
  window().webContents.emit('did-finish-load')
  electron.children[0]!.emit('exit', 1)
  expect(portsOf(electron.children[1]!)).toBe(1)
  expect(electron.errors).toEqual([])
  electron.children[1]!.emit('exit', 1)
  electron.children[2]!.emit('exit', 1)
  expect(electron.children).toHaveLength(3)
  expect(electron.errors).toEqual(['Wheelhouse cannot go on'])
})

it('stops the workbench before it quits, and waits for it', async () => {
  await start()
  const event = { preventDefault: vi.fn() }
  electron.app.emit('before-quit', event)
  expect(event.preventDefault).toHaveBeenCalled()
  expect(electron.children[0]!.posted.at(-1)?.message).toEqual({ type: 'stop' })
  expect(electron.quits).toBe(0)
  electron.children[0]!.emit('exit', 0)
  await vi.waitFor(() => expect(electron.quits).toBe(1))
  expect(electron.children).toHaveLength(1)
})

it('kills a workbench that does not stop, but not before that could kill a cluster that hangs', async () => {
  await start()
  vi.useFakeTimers()
  electron.app.emit('before-quit', { preventDefault: () => {} })
  await vi.advanceTimersByTimeAsync(21_000)
  expect(electron.children[0]!.killed).toBe(false)
  await vi.advanceTimersByTimeAsync(2000)
  expect(electron.children[0]!.killed).toBe(true)
  expect(electron.quits).toBe(1)
})

it('leaves the stage to an instance that runs already', async () => {
  electron.alone = false
  await start()
  expect(electron.quits).toBe(1)
  expect(electron.windows).toEqual([])
  expect(electron.children).toEqual([])
})

it('serves the page under a policy that runs our own scripts only, and no file outside its folder', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'renderer-'))
  try {
    mkdirSync(path.join(folder, 'app'))
    writeFileSync(path.join(folder, 'app', 'index.html'), '<title>app</title>')
    writeFileSync(path.join(folder, 'secret.txt'), 'secret')
    const { serveRenderer } = await import('./renderer-protocol.ts')
    serveRenderer.declare()
    serveRenderer.handle(path.join(folder, 'app'))
    const get = (url: string) => electron.handlers.get('wheelhouse')!({ url })
    const page = await get('wheelhouse://app/index.html')
    expect(await page.text()).toContain('app')
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'self';/)
    for (const url of [
      'wheelhouse://app/..%2fsecret.txt',
      'wheelhouse://app/%2e%2e/secret.txt',
      'wheelhouse://other/index.html',
      'wheelhouse://app/%ff',
      'wheelhouse://app/nothing.js',
    ])
      expect((await get(url)).status).toBe(404)
    expect(electron.schemes).toMatchObject([{ scheme: 'wheelhouse', privileges: { standard: true, secure: true } }])
    expect(electron.schemes[0]!.privileges).not.toHaveProperty('bypassCSP')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
