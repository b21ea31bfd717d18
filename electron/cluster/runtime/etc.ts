import { readFileSync } from 'node:fs'
import type { SandboxConfig } from './api.ts'

/** The files of /etc that Kubernetes manages in every container of a pod. */
export function etcFiles(config: SandboxConfig, ip: string): Record<'hosts' | 'hostname' | 'resolv.conf', string> {
  return { hosts: hosts(config, ip), hostname: `${config.hostname}\n`, 'resolv.conf': resolvConf(config.dns) }
}

/** Source: kubelet's ensureHostsFile. */
function hosts({ hostname, fullHostname, hostAliases, hostNetwork }: SandboxConfig, ip: string): string {
  const lines = hostNetwork
    ? ['# Kubernetes-managed hosts file (host network).', machineHosts()]
    : [
        '# Kubernetes-managed hosts file.',
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost ip6-localhost ip6-loopback',
        'fe00::0\tip6-localnet',
        'fe00::0\tip6-mcastprefix',
        'fe00::1\tip6-allnodes',
        'fe00::2\tip6-allrouters',
      ]
  if (ip) lines.push([ip, ...(fullHostname ? [fullHostname, fullHostname.split('.')[0]] : [hostname])].join('\t'))
  if (hostAliases.length) {
    lines.push('', '# Entries added by HostAliases.')
    for (const alias of hostAliases) lines.push([alias.ip, ...alias.hostnames].join('\t'))
  }
  return lines.join('\n') + '\n'
}

function machineHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8').trimEnd()
  } catch {
    return ''
  }
}

function resolvConf({ servers, searches, options }: SandboxConfig['dns']): string {
  const lines = servers.map((server) => `nameserver ${server}`)
  if (searches.length) lines.unshift(`search ${searches.join(' ')}`)
  if (options.length) lines.push(`options ${options.join(' ')}`)
  return lines.map((line) => `${line}\n`).join('')
}

/** The same in every sample image. */
export const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n'
export const group = 'root:x:0:\nnogroup:x:65534:\n'
/** Without it some C libraries ask DNS before they look at /etc/hosts. */
export const nameService = 'hosts: files dns\n'
