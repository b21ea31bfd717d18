import type { Pod } from 'kubernetes-types/core/v1'
import type { Deployment } from 'kubernetes-types/apps/v1'
import path from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterEach } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { complaints, openBrowser, serve, type ServeReady } from '../support/browser.ts'
import { root, type Started } from '../support/processes.ts'
import { temporaryFolder } from '../support/cluster.ts'
import { kubectl, type Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

/** The app in a browser, and kubectl to say whether what it shows and does is so. */
export interface Session extends AsyncDisposable {
  page: Page
  kubectl: Kubectl
  /** What the page has complained about so far. */
  complaints: readonly string[]
  dialog: Locator
  drawer: Locator
  /** Goes to the table of a kind, as in addresses (`pods`, `deployments.apps`), with nothing open. */
  show(kind: string): Promise<void>
  /** The row of the object with exactly this name. */
  row(name: string): Locator
  /** Opens the details of a row of the present table. */
  open(name: string): Promise<void>
  deployment(name?: string): Promise<Deployment>
  /** Those of the sample that are not on their way out. */
  pods(): Promise<Pod[]>
}

/** A picture of the page after each test that failed, in out/failures. */
export function picturesOfFailures(page: () => Page | undefined): void {
  afterEach(async ({ task }) => {
    const name = task.name.replaceAll(/\W+/g, '-')
    if (task.result?.state === 'fail')
      await page()?.screenshot({ path: path.join(root, 'out', 'failures', `${name}.png`) })
  })
}

/** Starts `serve` with a cluster of its own, with the sample applied unless told otherwise, and opens its page. */
export async function startSession(options: { sample?: boolean; contexts?: readonly string[] } = {}): Promise<Session> {
  const { sample = true, contexts = [] } = options
  const folder = temporaryFolder()
  const data = path.join(folder.path, 'data')
  let host: Started<ServeReady> | undefined
  let browser: Browser | undefined
  const dispose = async (): Promise<void> => {
    await browser?.close()
    await host?.[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  }
  try {
    host = await serve(data, path.join(folder.path, 'home'), contexts)
    browser = await openBrowser()
    const page = await browser.newPage({ viewport: { width: 1360, height: 860 }, colorScheme: 'light' })
    page.setDefaultTimeout(15_000)
    const complained = complaints(page)
    await page.goto(host.ready.address)
    const k = kubectl(await readyKubeconfig(data))
    if (sample) await deploySample(k)
    const grid = page.getByRole('grid')
    const drawer = page.getByRole('region', { name: /^Details of / })
    const dialog = page.getByRole('dialog')
    const row = (name: string) => grid.locator('[role=row][id]').filter({ has: page.getByText(name, { exact: true }) })
    return {
      page,
      kubectl: k,
      complaints: complained,
      dialog,
      drawer,
      row,
      async show(kind) {
        // What failed may have left one open: the next test, or another try, is not to fail for that.
        if (await dialog.isVisible()) await page.keyboard.press('Escape')
        await page.evaluate(`location.hash = '#/c/builtin/k/${kind}'`)
        await drawer.waitFor({ state: 'hidden' })
        await grid.waitFor()
      },
      async open(name) {
        await row(name).first().click()
        await drawer.getByRole('heading', { name, exact: true }).waitFor()
      },
      deployment: (name = 'hello') => k.json<Deployment>('get', 'deployment', name),
      async pods() {
        const { items } = await k.json<KubeList<Pod>>('get', 'pods', '-l', 'app=hello')
        return items.filter(({ metadata }) => !metadata?.deletionTimestamp)
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Once the cluster in this data directory answers and its node takes pods. */
async function readyKubeconfig(data: string): Promise<string> {
  const kubeconfig = path.join(data, 'kubeconfig')
  await eventually(
    'the built-in cluster answers',
    async () => (await kubectl(kubeconfig).run(['get', 'nodes'])).stdout.includes(' Ready'),
    50_000,
  )
  return kubeconfig
}

async function deploySample(k: Kubectl): Promise<void> {
  await k('apply', '-f', path.join(root, 'resources', 'manifests', 'hello.yaml'))
  await k('rollout', 'status', 'deployment/hello', '--timeout=50s')
}
