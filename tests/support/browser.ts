import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { wheelhouse, type Started } from './processes.ts'

export interface ServeReady {
  event: 'ready'
  address: string
  pid: number
}

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Debian's Chromium. As root it needs `--no-sandbox`; without 3D terminals are text in the page; the rest keeps it from calling home. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = candidates.find((file) => existsSync(file))
  if (!executablePath) throw new Error('Chromium is not on this machine: on Debian, apt-get install chromium')
  const quiet = [
    '--disable-gpu',
    '--disable-3d-apis',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...quiet] })
}

/** `wheelhouse serve` on a data folder of its own, with no other context and settings of its own. */
export function serve(data: string, home: string, args: readonly string[] = []): Promise<Started<ServeReady>> {
  return wheelhouse<ServeReady>(['serve', '--data', data, '--contexts', `${home}/no-kubeconfig`, ...args], {
    XDG_DATA_HOME: home,
    HOME: home,
  })
}

/** Chromium drops what is on its way whenever an interface comes or goes, as one does with every pod. The page asks again. */
const ofTheMachine = /net::ERR_NETWORK_CHANGED/

/** Collects what the page complains about: errors and warnings on its console, refused resources, exceptions. */
export function complaints(page: Page): string[] {
  const found: string[] = []
  page.on('console', (message) => {
    const loud = message.type() === 'error' || message.type() === 'warning'
    if (loud && !ofTheMachine.test(message.text())) found.push(message.text())
  })
  page.on('pageerror', (error) => found.push(String(error)))
  return found
}
