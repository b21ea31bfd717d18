import { Server, SquareDashed } from '@lucide/vue'
import type { Component } from 'vue'
import { useActions } from '../../app/actions.ts'
import type { ObjectTarget } from '../../app/target.ts'
import { useCommands } from '../../app/commands.ts'
import { t } from '../../app/i18n.ts'
import { iconOf } from '../../app/kindIcons.ts'
import { useNavigation } from '../../app/navigation.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { findKind, groupKinds, kindId, refOf, titleOf } from '../../data/kinds.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import type { Row } from '#shared/ipc/queries.ts'
import { best } from './fuzzy.ts'

export interface Entry {
  id: string
  title: string
  detail?: string | undefined
  icon?: Component | undefined
  keys?: string | undefined
  run(): void
}
export interface Group {
  title: string
  entries: Entry[]
}

const isGroup = (group: Group): boolean => group.entries.length > 0

function kindEntry(kind: ResourceInfo, namespace?: string): Entry {
  const workspace = useWorkspace()
  return {
    id: `kind:${kindId(kind)}`,
    title: titleOf(kind),
    detail: [kind.shortNames[0], kind.group, namespace].filter(Boolean).join(' · '),
    icon: iconOf(kind),
    run: () => {
      if (namespace !== undefined) workspace.setNamespaces(namespace === 'all' ? [] : [namespace])
      void useNavigation().toKind(kindId(kind))
    },
  }
}

const listed = (): ResourceInfo[] => Object.values(groupKinds(useWorkspace().kinds)).flat()
const clusterEntries = (): Entry[] =>
  (useWorkspace().contexts ?? []).map((context) => ({
    id: `context:${context.id}`,
    title: context.name,
    detail: context.server,
    icon: Server,
    run: () => void useNavigation().toContext(context.id),
  }))

/** `:po`, `:deploy kube-system`, `:ctx`, as k9s has them. The first word names a kind, the second a namespace. */
export function kindGroups(text: string): Group[] {
  const [word = '', namespace] = text.trim().split(/\s+/)
  if (/^(ctx|contexts?)$/i.test(word)) {
    const entries = best(clusterEntries(), namespace ?? '', (entry) => entry.title, 50)
    return [{ title: t('palette.clusters'), entries }].filter(isGroup)
  }
  const kinds = listed()
  const exact = word ? findKind(kinds, word) : undefined
  const others = best(kinds, word, (kind) => `${titleOf(kind)} ${kind.shortNames.join(' ')}`, 60).filter(
    (kind) => kind !== exact,
  )
  const entries = [...(exact ? [exact] : []), ...others].map((kind) => kindEntry(kind, namespace))
  return [{ title: t('palette.kinds'), entries }].filter(isGroup)
}

export interface Surroundings {
  kind: ResourceInfo | undefined
  rows: readonly Row[]
  namespaces: readonly string[]
}

export function searchGroups(text: string, { kind, rows, namespaces }: Surroundings): Group[] {
  const workspace = useWorkspace()
  const actions = useActions()
  const commands = useCommands()
    .available()
    .filter((command) => !command.keyOnly && command.id !== 'palette.open')
  const sections = new Map<string, Entry[]>()
  for (const command of best(commands, text, (one) => `${one.title} ${one.section}`, text ? 12 : 40)) {
    const { id, title, icon, keys, run, section } = command
    const subject = id.startsWith('action.') ? subjectOf(actions.targets) : undefined
    const entry: Entry = { id, title, icon, keys: keys?.[0], run, detail: subject }
    const list = sections.get(section)
    if (list) list.push(entry)
    else sections.set(section, [entry])
  }
  const objects: Entry[] = (kind && text ? rows : []).slice(0, 12).map((row) => ({
    id: `object:${row.uid}`,
    title: row.name,
    detail: row.namespace,
    icon: iconOf(kind!),
    run: () =>
      void useNavigation().openObject({
        context: workspace.currentId ?? '',
        resource: refOf(kind!),
        ...(row.namespace ? { namespace: row.namespace } : {}),
        name: row.name,
        uid: row.uid,
      }),
  }))
  const namespaceEntries: Entry[] = (text ? best(namespaces, text, (name) => name, 8) : []).map((name) => ({
    id: `namespace:${name}`,
    title: name,
    icon: SquareDashed,
    run: () => workspace.setNamespaces([name]),
  }))
  const kinds = text ? best(listed(), text, (one) => `${titleOf(one)} ${one.shortNames.join(' ')}`, 8) : []
  return [
    { title: t('palette.kinds'), entries: kinds.map((one) => kindEntry(one)) },
    { title: t('palette.objects', { kind: kind ? titleOf(kind) : '' }), entries: objects },
    { title: t('app.selection'), entries: sections.get(t('app.selection')) ?? [] },
    { title: t('palette.namespaces'), entries: namespaceEntries },
    {
      title: t('palette.clusters'),
      entries: text ? best(clusterEntries(), text, (entry) => `${entry.title} ${entry.detail}`, 6) : [],
    },
    ...[...sections]
      .filter(([section]) => section !== t('app.selection'))
      .map(([title, entries]) => ({ title, entries })),
  ].filter(isGroup)
}

const subjectOf = (targets: readonly ObjectTarget[]): string | undefined =>
  targets.length === 1 ? targets[0]!.name : targets.length ? String(targets.length) : undefined
