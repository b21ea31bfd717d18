import type { FlowSchema, FlowSchemaCondition, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1'
import { timestamp, type Clock } from '../../base/clock.ts'
import { followKind } from '../kinds/follow-kind.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import type { ActionServices } from '../registry/kind.ts'
import type { FlowControl } from './flow-control.ts'

export interface FollowDeps {
  kinds: KindIndex
  control: FlowControl
  clock: Pick<Clock, 'now'>
  services: Pick<ActionServices, 'update'>
}

const group = 'flowcontrol.apiserver.k8s.io'

/** What is stored counts as soon as it is durable; FlowSchemas are told whether their level exists. */
export function followFlowControl({ kinds, control, clock, services }: FollowDeps): Disposable {
  const levels = new Set<string>()
  const schemas = new Map<string, FlowSchema>()
  const check = ({ metadata, spec, status }: FlowSchema) => {
    const name = spec?.priorityLevelConfiguration.name ?? ''
    const wanted = dangling(name, levels.has(name))
    const old = status?.conditions?.find(({ type }) => type === 'Dangling')
    if (old && old.status === wanted.status && old.message === wanted.message) return
    const lastTransitionTime = old && old.status === wanted.status ? old.lastTransitionTime : timestamp(clock.now())
    const condition = { ...wanted, ...(lastTransitionTime ? { lastTransitionTime } : {}) }
    const write = (object: FlowSchema) => {
      const others = (object.status?.conditions ?? []).filter(({ type }) => type !== 'Dangling')
      object.status = { ...object.status, conditions: [...others, condition] }
    }
    // A schema that is gone by now needs no condition.
    services
      .update<FlowSchema>({ group, plural: 'flowschemas' }, undefined, metadata?.name ?? '', write)
      .catch(() => {})
  }
  const ends: Disposable[] = []
  const levelKind = kinds.resource(group, 'prioritylevelconfigurations')
  const schemaKind = kinds.resource(group, 'flowschemas')
  if (levelKind?.stored)
    ends.push(
      followKind<PriorityLevelConfiguration>(levelKind, (name, level) => {
        control.setLevel(name, level)
        const isNews = levels.has(name) !== (level !== undefined)
        if (level) levels.add(name)
        else levels.delete(name)
        if (!isNews) return
        for (const schema of schemas.values()) if (schema.spec?.priorityLevelConfiguration.name === name) check(schema)
      }),
    )
  if (schemaKind?.stored)
    ends.push(
      followKind<FlowSchema>(schemaKind, (name, schema) => {
        control.setSchema(name, schema)
        if (schema) {
          schemas.set(name, schema)
          check(schema)
        } else schemas.delete(name)
      }),
    )
  return { [Symbol.dispose]: () => ends.forEach((end) => end[Symbol.dispose]()) }
}

/** Source: apiserver/pkg/util/flowcontrol/apf_controller.go. */
function dangling(level: string, exists: boolean): FlowSchemaCondition {
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`
  return {
    type: 'Dangling',
    status: exists ? 'False' : 'True',
    reason: exists ? 'Found' : 'NotFound',
    message: `${about} ${exists ? 'and it exists' : 'but there is no such object'}`,
  }
}
