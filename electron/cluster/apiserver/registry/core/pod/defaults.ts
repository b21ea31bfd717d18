import { formatQuantity, quantityOf, scaledValue } from '#shared/kube/quantity.ts'
import { entries } from '../../loose.ts'
import { quantity } from '../../validation/quantities.ts'
import { pullPolicyOf } from './image.ts'
import { defaultPodResources } from './pod-resources.ts'
import type { Container, PodSpec, PodTemplateSpec, Probe, Volume, Pod } from './types.ts'

/** Source: pkg/apis/core/v1/defaults.go. */
export function defaultPod(pod: Pod): void {
  const spec = (pod.spec ??= {})
  defaultPodSpec(spec)
  // Only pods: a template leaves these to the pods made of it.
  spec.enableServiceLinks ??= true
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) requestWhatIsLimited(container)
  defaultPodResources(spec)
  if (spec.hostNetwork)
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) useHostPorts(container)
}

export function defaultTemplate(template: PodTemplateSpec): void {
  template.metadata ??= {}
  defaultPodSpec((template.spec ??= {}))
}

function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.restartPolicy ||= 'Always'
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= 30
  spec.schedulerName ||= 'default-scheduler'
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
  for (const list of [spec.initContainers, spec.containers, spec.ephemeralContainers]) {
    for (const container of list ?? []) defaultContainer(container as Container)
  }
}

function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= pullPolicyOf(container.image ?? '')
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.resources ??= {}
  roundToThousandths(container.resources.limits)
  roundToThousandths(container.resources.requests)
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const variable of container.env ?? []) {
    const fieldRef = variable.valueFrom?.fieldRef
    if (fieldRef) fieldRef.apiVersion ||= 'v1'
    const resourceRef = variable.valueFrom?.resourceFieldRef
    if (resourceRef) resourceRef.divisor ||= '0'
    const fileRef = (variable.valueFrom as { fileKeyRef?: { optional?: boolean } } | undefined)?.fileKeyRef
    if (fileRef) fileRef.optional ??= false
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe])
    if (probe) defaultProbe(probe)
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) defaultHttpGet(handler.httpGet)
  }
}

function roundToThousandths(list: Record<string, string | undefined> | undefined): void {
  for (const [name, value] of entries(list)) {
    if (/[nu]$/.test(value)) list![name] = formatQuantity(quantityOf(scaledValue(quantity(value), -3), 'DecimalSI', -3))
  }
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  if (probe.httpGet) defaultHttpGet(probe.httpGet)
  if (probe.grpc) probe.grpc.service ??= ''
}

function defaultHttpGet(action: NonNullable<Probe['httpGet']>): void {
  action.path ||= '/'
  action.scheme ||= 'HTTP'
}

export function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {}
  if (volume.secret) volume.secret.defaultMode ??= 0o644
  if (volume.configMap) volume.configMap.defaultMode ??= 0o644
  if (volume.hostPath) volume.hostPath.type ??= ''
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default'
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd'
    volume.rbd.user ||= 'admin'
    volume.rbd.keyring ||= '/etc/ceph/keyring'
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite'
    volume.azureDisk.kind ??= 'Shared'
    volume.azureDisk.fsType ??= 'ext4'
    volume.azureDisk.readOnly ??= false
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned'
    volume.scaleIO.fsType ||= 'xfs'
  }
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= 0o644
    for (const file of volume.downwardAPI.items ?? []) defaultDownwardFile(file)
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= 0o644
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600
      for (const file of source.downwardAPI?.items ?? []) defaultDownwardFile(file)
    }
  }
  if (volume.image) volume.image.pullPolicy ||= pullPolicyOf(volume.image.reference ?? '')
  if (volume.ephemeral?.volumeClaimTemplate) {
    const template = volume.ephemeral.volumeClaimTemplate
    template.metadata ??= {}
    ;(template.spec ??= {}).volumeMode ??= 'Filesystem'
    template.spec.resources ??= {}
  }
}

type DownwardFile = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number]

function defaultDownwardFile(file: DownwardFile): void {
  if (file.fieldRef) file.fieldRef.apiVersion ||= 'v1'
  if (file.resourceFieldRef) file.resourceFieldRef.divisor ||= '0'
}

/** What is limited and not requested is requested to the limit. */
function requestWhatIsLimited(container: Container): void {
  const limits = entries(container.resources?.limits)
  if (!limits.length) return
  const requests: Record<string, string | undefined> = { ...container.resources!.requests }
  for (const [name, value] of limits) requests[name] ??= value
  container.resources!.requests = requests
}

function useHostPorts(container: Container): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort
}
