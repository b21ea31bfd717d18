import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import { kubectl, kubectls, type Kubectl } from '../support/kubectl.ts'
import { saidBy } from '../support/processes.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
const folder = temporaryFolder()

const pods = `
apiVersion: v1
kind: Pod
metadata: { name: box }
spec:
  containers:
    - { name: box, image: wheelhouse/shell, command: [sh, -c, "trap exit TERM; while true; do sleep 0.2; done"] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  containers:
    - { name: web, image: "wheelhouse/hello:v1", ports: [{ name: http, containerPort: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Pod
metadata: { name: listener }
spec:
  containers:
    - name: listener
      image: wheelhouse/shell
      stdin: true
      command: [sh, -c, "trap exit TERM; while read line; do echo heard $line; done"]
`

beforeAll(async () => {
  cluster = await up()
  await cluster.kubectl.run(['apply', '-f', '-'], pods)
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=30s')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

// The older speaks SPDY, the newer WebSockets first.
describe.each(Object.entries(kubectls()))(
  'with kubectl %s',
  (version, binary) => {
    let k: Kubectl
    beforeAll(() => {
      k = kubectl(cluster.kubeconfig, binary)
    })

    it('exec keeps stdout, stderr and the exit code apart', async () => {
      const outcome = await k.run(['exec', 'box', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
      expect(outcome).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\ncommand terminated with exit code 7\n' })
    })

    it('exec passes on stdin to its end', async () => {
      const bytes = randomBytes(4 << 20)
      const { stdout } = await k.run(['exec', '-i', 'box', '--', 'sha256sum'], bytes)
      expect(stdout.split(' ')[0]).toBe(sha256(bytes))
      const text = bytes.toString('base64')
      expect((await k.run(['exec', '-i', 'box', '--', 'cat'], text)).stdout === text).toBe(true)
    })

    it('exec of a program that does not exist says so', async () => {
      const { code, stderr } = await k.run(['exec', 'box', '--', 'no-such-program'])
      expect(code).not.toBe(0)
      expect(stderr).toContain('no-such-program')
    })

    it('exec -it is a terminal, of the right size, that tells its exit code', async () => {
      using terminal = k.terminal(['exec', '-it', 'box', '--', 'sh'], { columns: 97, rows: 31 })
      terminal.type('test -t 0 && echo at-a-$((6 * 7))-terminal')
      await terminal.see(/at-a-42-terminal/)
      const size = 'node -p \'process.stdout.columns + "by" + process.stdout.rows\''
      terminal.type(size)
      await terminal.see(/97by31/)
      terminal.resize(61, 17)
      await eventually('the new size', async () => {
        terminal.type(size)
        await terminal.see(/\d+by\d+/)
        return terminal.shown().includes('61by17')
      })
      terminal.type('exit 3')
      expect(await terminal.exited).toBe(3)
    })

    it('Ctrl-C gives up what was typed, loops included, and not the shell', async () => {
      using terminal = k.terminal(['exec', '-it', 'box', '--', 'sh'])
      for (const endless of ['sleep 1000; echo after-$((1 + 1))', 'while true; do sleep 0.01; done']) {
        terminal.type(`echo run""ning; ${endless}`)
        await terminal.see(/running/)
        terminal.type('\x03')
        terminal.type('echo code-$?')
        await terminal.see(/code-130/)
      }
      expect(terminal.shown()).not.toContain('after-2')
      terminal.type('exit')
      await terminal.exited
    })

    it('attach shows what the container says, and gives it stdin', async () => {
      using attached = k.start('attach', '-i', 'listener')
      const said = saidBy(attached)
      await eventually('an echo', () => {
        attached.stdin!.write(`${version}\n`)
        return said().includes(`heard ${version}`)
      })
      expect((await k.json<Pod>('get', 'pod', 'listener')).status?.containerStatuses?.[0]?.restartCount).toBe(0)
    })

    it('run --rm -i passes stdin on and removes the pod', async () => {
      const { code, stdout, stderr } = await k.run(
        [
          'run',
          'once',
          '--rm',
          '-i',
          '--restart=Never',
          '--image=wheelhouse/shell',
          '--',
          'sh',
          '-c',
          'cat; echo done',
        ],
        'some text\n',
      )
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stdout).toContain('some text\ndone\n')
      expect((await k.run(['get', 'pod', 'once'])).stderr).toContain('not found')
    })

    it('run --rm answers with the exit code of the container', async () => {
      const { code } = await k.run([
        'run',
        'failing',
        '--rm',
        '-i',
        '--restart=Never',
        '--image=wheelhouse/shell',
        '--',
        'sh',
        '-c',
        'sleep 1; exit 9',
      ])
      expect(code).toBe(9)
    })

    it('run -it --rm opens a shell at a terminal, and removes the pod after it', async () => {
      using terminal = k.terminal(['run', 'visit', '-it', '--rm', '--restart=Never', '--image=wheelhouse/shell'])
      await terminal.see(/press(ing)? enter|[#$] /)
      terminal.type('echo $((40 + 2))-is-it')
      await terminal.see(/42-is-it/)
      terminal.type('exit')
      await terminal.see(/pod "visit" deleted/)
      expect(await terminal.exited).toBe(0)
    })

    it('debug runs one more container in the pod, on its network', async () => {
      const name = `debugger-${version.replace('.', '-')}`
      using terminal = k.terminal([
        'debug',
        '-it',
        'web',
        '--image=wheelhouse/shell',
        '--target=web',
        `--container=${name}`,
        '--',
        'sh',
      ])
      await terminal.see(/press(ing)? enter|[#$] /)
      terminal.type('wget -q -O - http://127.0.0.1:8000/')
      await terminal.see(/"app":/)
      terminal.type('exit')
      await terminal.exited
      const { spec, status } = await k.json<Pod>('get', 'pod', 'web')
      expect(spec?.ephemeralContainers?.map((container) => container.name)).toContain(name)
      await eventually('the debugger has ended', async () => {
        const now = await k.json<Pod>('get', 'pod', 'web')
        return now.status?.ephemeralContainerStatuses?.some(
          (container) => container.name === name && container.state?.terminated?.exitCode === 0,
        )
      })
      expect(status?.containerStatuses?.[0]?.restartCount).toBe(0)
    })

    it.each(['pod/web', 'service/web'])('port-forward to %s carries many requests at once', async (target) => {
      using forward = k.start('port-forward', target, target === 'pod/web' ? ':8000' : ':80')
      const said = saidBy(forward)
      const port = await eventually('a local port', () => /127\.0\.0\.1:(\d+)/.exec(said())?.[1])
      const answers = await Promise.all(Array.from({ length: 20 }, () => curl(`http://127.0.0.1:${port}/`)))
      expect(new Set(answers.map(({ code, body }) => `${code} ${(JSON.parse(body) as { pod: string }).pod}`))).toEqual(
        new Set(['200 web']),
      )
    })

    it('port-forward to a port where nobody listens fails that connection and keeps the forward', async () => {
      using forward = k.start('port-forward', 'pod/web', ':8000', ':9')
      const said = saidBy(forward)
      const ports = await eventually('both local ports', () => {
        const found = [...said().matchAll(/127\.0\.0\.1:(\d+) -> (\d+)/g)]
        return found.length === 2 && new Map(found.map(([, local, remote]) => [remote, local]))
      })
      await expect(curl(`http://127.0.0.1:${ports.get('9')}/`)).rejects.toThrow(/./)
    })

    it('cp carries fifty megabytes both ways unharmed', async () => {
      const here = path.join(folder.path, `there-${version}`)
      const back = path.join(folder.path, `back-${version}`)
      const bytes = randomBytes(50 << 20)
      writeFileSync(here, bytes)
      await k('cp', here, 'box:/tmp/fifty')
      expect((await k('exec', 'box', '--', 'sha256sum', '/tmp/fifty')).split(' ')[0]).toBe(sha256(bytes))
      await k('cp', 'box:/tmp/fifty', back)
      expect(readFileSync(back).equals(bytes)).toBe(true)
    })

    it('proxy leads to the API, to pods and to services', async () => {
      using proxy = k.start('proxy', '--port=0')
      const said = saidBy(proxy)
      const port = await eventually('the port', () => /127\.0\.0\.1:(\d+)/.exec(said())?.[1])
      const site = `http://127.0.0.1:${port}/api/v1/namespaces/default`
      expect(JSON.parse((await curl(`http://127.0.0.1:${port}/version`)).body)).toMatchObject({ major: '1' })
      expect(JSON.parse((await curl(`${site}/pods/web:8000/proxy/`)).body)).toMatchObject({ pod: 'web' })
      expect(JSON.parse((await curl(`${site}/services/web:http/proxy/config`)).body)).toBeTypeOf('object')
      expect((await curl(`${site}/pods/web:8000/proxy/no-such-page`)).code).toBe(404)
    })
  },
  120_000,
)
