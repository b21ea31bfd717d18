import { keepCompiledCode } from '../cluster/compile-cache.ts'
import { help, parseCommand, UsageError } from './arguments.ts'
import { endWithLauncher } from './launcher.ts'

/** The command line: `wheelhouse up | serve | snapshot | version | --help`. Stdout carries one JSON line, stderr words for people. */
async function main(): Promise<void> {
  keepCompiledCode(import.meta.dirname)
  const parsed = parseCommand(process.argv.slice(2), process.cwd())
  switch (parsed.command) {
    case 'help':
      process.stdout.write(help)
      return
    case 'version':
      process.stdout.write(`wheelhouse ${__WHEELHOUSE_VERSION__} (Kubernetes v1.36.2)\n`)
      return
    // Each host is loaded alone: `up` does not wait for what only `serve` needs.
    case 'up': {
      const { hostCluster } = await import('../cluster/host.ts')
      const host = await hostCluster(parsed.options)
      endWithLauncher(() => host.stop())
      return say({ event: 'ready', server: host.server, kubeconfig: parsed.options.kubeconfig, pid: process.pid })
    }
    case 'snapshot': {
      const { runSnapshot } = await import('./snapshot.ts')
      return say(await runSnapshot(parsed.snapshot))
    }
    case 'serve': {
      const { serve } = await import('./serve.ts')
      const { address, stop } = await serve(parsed.options)
      endWithLauncher(stop)
      return say({ event: 'ready', address, pid: process.pid })
    }
  }
}

const sentence = (text?: string): string => (/[.!?]$/.test(text ?? '') ? text! : `${text}.`)
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  await main()
} catch (error) {
  const { message, cure } = error as { message: string; cure?: string }
  process.stderr.write(`wheelhouse: ${[message, cure].filter(Boolean).map(sentence).join(' ')}\n`)
  if (process.env['WHEELHOUSE_DEBUG']) process.stderr.write(`${(error as Error).stack}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}
