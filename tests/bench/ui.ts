import type { Page } from 'playwright-core'
import { complaints, openBrowser, serve } from '../support/browser.ts'
import { temporaryFolder, up } from '../support/cluster.ts'
import { gather } from '../support/crowd.ts'
import { eventually } from '../support/wait.ts'
import { median, printTable, quantile, residentMiB, round } from './figures.ts'

/** What a person feels at a table of so many simulated pods: keystrokes of the filter, frames while scrolling. */
export async function ui({ pods }: { pods: number }): Promise<void> {
  using folder = temporaryFolder()
  await using cluster = await up(['--nodes', `simulated=${Math.ceil(pods / 100)}`])
  await gather(cluster.kubectl, pods, 600_000)
  await using host = await serve(`${folder.path}/data`, folder.path, [cluster.kubeconfig])
  const browser = await openBrowser()
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    const floor = await keystrokes(page, floorPage, ['x', '4'])
    const wrong = complaints(page)
    await page.goto(host.ready.address)
    await page.getByText(cluster.server).first().click()
    const opened = performance.now()
    await page.getByRole('link', { name: /^Pods/ }).click()
    const all = String(pods + 1)
    const count = () => page.evaluate<string | undefined>(`document.querySelector('[role=grid]')?.ariaRowCount`)
    await eventually('every row', async () => (await count()) === all, 300_000)
    const loaded = performance.now() - opened
    const wheel = await frames(page, 120)
    const fling = await frames(page, 900)
    const drag = await frames(page, (pods * 28) / 200)
    await page.keyboard.press('/')
    const filter = await keystrokes(page, undefined, ['q', '4'])
    printTable(`The table of ${pods} pods: a filter keystroke to the frame that shows its rows, ms`, [
      { what: 'filter', p50: round(filter.p50), p95: round(filter.p95), keys: filter.count },
      { what: 'floor: a bare text field', p50: round(floor.p50), p95: round(floor.p95), keys: floor.count },
    ])
    const row = (what: string, f: Frames) => ({
      what,
      'p50 ms': round(f.p50, 1),
      'p95 ms': round(f.p95, 1),
      'max ms': round(f.max, 1),
      'with blank rows': `${f.blank} of ${f.count}`,
    })
    printTable('Frames while scrolling', [
      row('wheel, 120 px a frame', wheel),
      row('fling, 900 px a frame', fling),
      row('dragged from end to end', drag),
    ])
    const heap = await page.evaluate<number>('performance.memory.usedJSHeapSize')
    printTable('First rows to all rows, and memory', [
      {
        'all rows after s': round(loaded / 1000, 1),
        'page heap MB': round(heap / 1e6),
        'serve MiB': round(residentMiB(host.ready.pid)),
      },
    ])
    for (const complaint of wrong) console.log(`The page complained: ${complaint}`)
  } finally {
    await browser.close()
  }
}

const floorPage = 'data:text/html,<input autofocus oninput="out.textContent=this.value"><p id=out></p>'

/**
 * Runs in the page. `keystrokes`: from each key's own time stamp until after the frame that shows its effect. It watches
 * for changes and asks for no frame before there is one: from a key event, up or down, to the next frame that somebody asked
 * for, Chromium holds back every other task, so that a look in each frame would keep the answer out of the page.
 */
const keyTimer = `
  globalThis.keystrokes = []
  const view = () => {
    const grid = document.querySelector('[role=grid]')
    // Not the whole row: its age changes by itself.
    const name = grid?.querySelector('[role=row][id] [role=gridcell]:nth-child(2)')
    return grid ? grid.ariaRowCount + name?.textContent : document.body.innerText
  }
  let pressed
  document.addEventListener('keydown', ({ timeStamp }) => (pressed = { timeStamp, before: view() }), true)
  new MutationObserver(() => {
    // A letter that every row has changes nothing, and what comes later has another reason.
    if (!pressed || performance.now() - pressed.timeStamp > 400 || view() === pressed.before) return
    const { timeStamp } = pressed
    pressed = undefined
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => keystrokes.push(performance.now() - timeStamp)
      // Delivered after this frame was painted.
      port2.postMessage(undefined)
    })
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributeFilter: ['aria-rowcount'] })
`

/** Runs in the page: scrolls 200 frames from the top, so many pixels in each. */
const frameTimer = `async (step) => {
  const grid = document.querySelector('[role=grid]')
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  grid.scrollTop = 0
  for (let i = 0; i < 30; i++) await frame()
  const times = []
  let blank = 0
  let last = await frame()
  for (let i = 0; i < 200; i++) {
    grid.scrollTop += step
    const now = await frame()
    times.push(now - last)
    last = now
    if (grid.querySelector('[role=row] [data-blank]')) blank++
  }
  times.sort((a, b) => a - b)
  return { p50: times[100], p95: times[190], max: times[199], blank, count: times.length }
}`

interface Latencies {
  p50: number
  p95: number
  count: number
}

/** Types and takes back some keys; each that shows is timed from its own time stamp until after the frame that shows it. */
async function keystrokes(page: Page, address: string | undefined, keys: readonly string[]): Promise<Latencies> {
  if (address) await page.goto(address)
  await page.evaluate(keyTimer)
  const seen = () => page.evaluate<number[]>('keystrokes')
  for (let round = 0; round < 8; round++)
    for (const key of [...keys, ...keys.map(() => 'Backspace')]) {
      await page.keyboard.press(key)
      const known = (await seen()).length
      const end = performance.now() + 500
      while ((await seen()).length === known && performance.now() < end) await page.waitForTimeout(20)
      // A person’s pause, and one in which the answer to the last key cannot hide.
      await page.waitForTimeout(120)
    }
  const times = (await seen()).sort((a, b) => a - b)
  return { p50: median(times), p95: quantile(times, 0.95), count: times.length }
}

interface Frames {
  p50: number
  p95: number
  max: number
  /** Frames in which a row in view had not come yet. */
  blank: number
  count: number
}

/** Scrolls 200 frames from the top, so many pixels in each. */
async function frames(page: Page, pixels: number): Promise<Frames> {
  return page.evaluate<Frames>(`(${frameTimer})(${pixels})`)
}
