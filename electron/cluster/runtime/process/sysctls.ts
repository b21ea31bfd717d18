import { run } from './isolation/programs.ts'

/** Namespaces of a pod, as paths; absent: the machine's. */
export interface PodNamespaces {
  net?: string | undefined
  ipc?: string | undefined
}

/** By the namespace that they belong to. Source: safe_sysctls.go and the kernel's ipc_sysctl.c. */
const kinds = { net: /^net\.[a-z0-9_./]+$/, ipc: /^(kernel\.(shm|msg|sem)[a-z_]*|fs\.mqueue\.[a-z_]+)$/ } as const

/** Sets what a pod wants of the kernel in its own namespaces; rejects with what cannot be. */
export async function setSysctls(sysctls: Readonly<Record<string, string>>, namespaces: PodNamespaces): Promise<void> {
  for (const [name, value] of Object.entries(sysctls)) {
    const kind = (['net', 'ipc'] as const).find((one) => namespaces[one] && kinds[one].test(name))
    if (!kind) throw new Error(`sysctl ${JSON.stringify(name)} cannot be set for one pod on this node`)
    const file = `/proc/sys/${name.replaceAll('.', '/')}`
    const write = ['--', '/bin/sh', '-c', 'printf %s "$1" > "$2"', 'sh', value, file]
    await run('nsenter', [`--${kind}=${namespaces[kind]}`, ...write]).catch((error: Error & { stderr?: string }) => {
      const why = (error.stderr ?? error.message).trim().split('\n').at(-1)
      throw new Error(`sysctl ${JSON.stringify(name)} cannot be set to ${JSON.stringify(value)}: ${why}`, {
        cause: error,
      })
    })
  }
}
