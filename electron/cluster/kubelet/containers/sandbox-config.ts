import { readFile } from 'node:fs/promises'
import type { SandboxConfig } from '../../runtime/api.ts'
import { normalSysctl } from '../admission/sysctls.ts'
import { podResources } from '../core/resources.ts'
import type { NodeDirectories } from '../directories.ts'
import { containersOf, ephemeralContainersOf, initContainersOf, uidOf, type Pod } from '../types.ts'

export interface ClusterDns {
  /** Where the cluster's DNS answers; undefined when there is none yet. */
  address: string | undefined
  domain: string
}

type Dns = SandboxConfig['dns']

export async function sandboxConfig(
  pod: Pod,
  attempt: number,
  { directories, dns, runtimeHandler }: { directories: NodeDirectories; dns: ClusterDns; runtimeHandler: string },
): Promise<SandboxConfig> {
  const { name = '', namespace = '', labels = {} } = pod.metadata ?? {}
  const { hostNetwork = false, hostPID, hostIPC, shareProcessNamespace = false, hostAliases = [] } = pod.spec ?? {}
  const { sysctls = [] } = pod.spec?.securityContext ?? {}
  return {
    name,
    namespace,
    uid: uidOf(pod),
    attempt,
    hostname: hostnameOf(pod, dns.domain),
    ...(pod.spec?.subdomain && !overrideOf(pod) ? { fullHostname: fullHostname(pod, dns.domain) } : {}),
    labels: {
      ...labels,
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': namespace,
      'io.kubernetes.pod.uid': uidOf(pod),
    },
    logDirectory: directories.podLogs(pod),
    dns: await podDns(pod, dns),
    hostAliases: hostAliases.map(({ ip, hostnames = [] }) => ({ ip: ip ?? '', hostnames })),
    hostNetwork,
    ...(hostPID ? { hostPid: true } : {}),
    ...(hostIPC ? { hostIpc: true } : {}),
    sharePid: shareProcessNamespace,
    ...(runtimeHandler ? { runtimeHandler } : {}),
    ...(isPrivileged(pod) ? { privileged: true } : {}),
    resources: podResources(pod),
    ...(sysctls.length
      ? { sysctls: Object.fromEntries(sysctls.map(({ name: sysctl, value }) => [normalSysctl(sysctl), value])) }
      : {}),
    portMappings: containersOf(pod).flatMap(({ ports = [] }) =>
      ports
        .filter(({ protocol }) => protocol !== 'SCTP')
        .map(({ containerPort, protocol, hostPort, hostIP }) => ({
          protocol: protocol === 'UDP' ? ('UDP' as const) : ('TCP' as const),
          containerPort,
          ...(hostPort ? { hostPort } : {}),
          ...(hostIP ? { hostIp: hostIP } : {}),
        })),
    ),
  }
}

/** Source: HasPrivilegedContainer. */
const isPrivileged = (pod: Pod): boolean =>
  [...initContainersOf(pod), ...containersOf(pod), ...ephemeralContainersOf(pod)].some(
    ({ securityContext }) => securityContext?.privileged,
  )

/** Longest host name that Linux takes. */
const longestHostname = 63

/** Source: kubelet's GeneratePodHostNameAndDomain. */
export function hostnameOf(pod: Pod, domain: string): string {
  const { spec } = pod
  const given = overrideOf(pod)
  if (given) return given
  if (!spec?.setHostnameAsFQDN || !spec.subdomain) return shortHostname(pod)
  const full = fullHostname(pod, domain)
  if (full.length <= longestHostname + 1) return full
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (64 characters is the max, ${full.length} characters requested)`,
  )
}

const overrideOf = ({ spec }: Pod): string | undefined =>
  (spec as { hostnameOverride?: string } | undefined)?.hostnameOverride

const shortHostname = ({ spec, metadata }: Pod): string =>
  (spec?.hostname || metadata?.name || '').slice(0, longestHostname).replace(/[-.]+$/, '')

/** The name that DNS has for the pod, as far as a headless service of the name of its subdomain selects it. */
const fullHostname = (pod: Pod, domain: string): string =>
  `${shortHostname(pod)}.${pod.spec?.subdomain}.${pod.metadata?.namespace}.svc.${domain}`

/** What a pod's resolv.conf says. Source: kubelet's dns.Configurer. */
async function podDns(pod: Pod, { address, domain }: ClusterDns): Promise<Dns> {
  const { dnsPolicy = 'ClusterFirst', hostNetwork, dnsConfig } = pod.spec ?? {}
  const host = await hostDns()
  const cluster = address && (dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork))
  let dns: Dns = host
  if (dnsPolicy === 'None') dns = { servers: [], searches: [], options: [] }
  else if (cluster) {
    const searches = [`${pod.metadata?.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches]
    dns = { servers: [address], searches, options: ['ndots:5'] }
  }
  const options = new Map([...dns.options].map((option) => [option.split(':')[0]!, option]))
  for (const { name = '', value } of dnsConfig?.options ?? [])
    options.set(name, value === undefined ? name : `${name}:${value}`)
  return {
    servers: [...new Set([...dns.servers, ...(dnsConfig?.nameservers ?? [])])].slice(0, 3),
    searches: [...new Set([...dns.searches, ...(dnsConfig?.searches ?? [])])].slice(0, 32),
    options: [...options.values()],
  }
}

async function hostDns(): Promise<Dns> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  const values = (keyword: string) =>
    text
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([first]) => first === keyword)
      .map(([, ...rest]) => rest)
  return {
    servers: values('nameserver').flatMap(([server]) => server ?? []),
    searches:
      values('search')
        .at(-1)
        ?.filter((search) => search !== '.') ?? [],
    options: values('options').flat(),
  }
}
