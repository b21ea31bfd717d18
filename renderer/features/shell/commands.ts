import { CircleQuestionMark, Lock, LockOpen, Power, PowerOff, RotateCcw, UserRound } from '@lucide/vue'
import { useCommands } from '../../app/commands.ts'
import { useDialogs } from '../../app/dialogs.ts'
import { useDock } from '../../app/dock.ts'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { useNotices } from '../../app/notices.ts'
import { useProtection } from '../../app/protection.ts'
import { themeChoice } from '../../app/theme.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { kindId, titleOf } from '../../data/kinds.ts'
import { configMaps, deployments, events, nodes, pods, replicaSets, secrets, services } from '#shared/kube/resources.ts'
import ConfirmDialog from '../../ui/ConfirmDialog.vue'
import KeyHelp from './KeyHelp.vue'
import ViewAsDialog from './ViewAsDialog.vue'

const goKeys = [
  [pods, 'g p'],
  [deployments, 'g d'],
  [replicaSets, 'g r'],
  [services, 'g s'],
  [configMaps, 'g m'],
  [secrets, 'g x'],
  [nodes, 'g n'],
  [events, 'g e'],
] as const

export function registerShellCommands(): void {
  const navigation = useNavigation()
  const workspace = useWorkspace()
  const dialogs = useDialogs()
  const dock = useDock()
  const notices = useNotices()
  const protection = useProtection()
  const here = (act: (id: string) => void) => () => workspace.currentId && act(workspace.currentId)
  const protectedAs = (locked: boolean) => {
    const state = workspace.current?.protection
    return state !== undefined && (state.unlockedUntil === undefined) === locked
  }
  const builtin = (...states: string[]) => workspace.builtin !== undefined && states.includes(workspace.builtin.state)
  const ask = (method: 'builtin.start' | 'builtin.stop' | 'builtin.reset') =>
    void workspace.channel().request(method, {}).catch(notices.fail)

  useCommands().register([
    {
      id: 'shell.help',
      title: t('shell.help'),
      section: t('app.general'),
      keys: ['?'],
      icon: CircleQuestionMark,
      run: () => dialogs.open(KeyHelp),
    },
    {
      id: 'shell.escape',
      title: t('shell.escape'),
      section: t('app.general'),
      keys: ['escape'],
      keyOnly: true,
      when: () => navigation.openTarget !== undefined,
      run: () => void navigation.closeObject(),
    },
    {
      id: 'shell.dock',
      title: t('shell.toggleDock'),
      section: t('app.view'),
      keys: ['mod+j'],
      everywhere: true,
      when: () => dock.count > 0,
      run: dock.toggle,
    },
    {
      id: 'shell.dockNext',
      title: t('shell.nextTab'),
      section: t('app.view'),
      keys: ['alt+j'],
      everywhere: true,
      when: () => dock.count > 1,
      run: () => dock.step(1),
    },
    {
      id: 'shell.overview',
      title: t('shell.overview'),
      section: t('app.go'),
      keys: ['g o'],
      run: () => void navigation.toPage('overview'),
    },
    {
      id: 'shell.forwards',
      title: t('shell.forwards'),
      section: t('app.go'),
      keys: ['g f'],
      run: () => void navigation.toPage('forwards'),
    },
    ...goKeys.map(([type, keys]) => ({
      id: `shell.go.${type.plural}`,
      title: titleOf(type),
      section: t('app.go'),
      keys: [keys],
      keyOnly: true,
      run: () => void navigation.toKind(kindId(type)),
    })),
    ...(['system', 'light', 'dark'] as const).map((choice) => ({
      id: `shell.theme.${choice}`,
      title: `${t('shell.theme')}: ${t(`shell.theme${choice[0]!.toUpperCase()}${choice.slice(1)}`)}`,
      section: t('app.view'),
      when: () => themeChoice.value !== choice,
      run: () => void workspace.change({ theme: choice }),
    })),
    {
      id: 'shell.protect',
      title: t('shell.protect'),
      section: t('app.general'),
      icon: Lock,
      when: () => workspace.current !== undefined && !workspace.current.protection,
      run: here(protection.protect),
    },
    {
      id: 'shell.unlock',
      title: t('shell.unlock'),
      section: t('app.general'),
      icon: LockOpen,
      when: () => protectedAs(true),
      run: here((id) => protection.unlock(id)),
    },
    {
      id: 'shell.lock',
      title: t('shell.lock'),
      section: t('app.general'),
      icon: Lock,
      when: () => protectedAs(false),
      run: here(protection.lock),
    },
    {
      id: 'shell.unprotect',
      title: t('shell.unprotect'),
      section: t('app.general'),
      icon: LockOpen,
      when: () => workspace.current?.protection !== undefined,
      run: here((id) => protection.release(id)),
    },
    {
      id: 'shell.viewAs',
      title: t('shell.viewAs'),
      section: t('app.general'),
      icon: UserRound,
      when: () => workspace.current !== undefined,
      run: here((context) => dialogs.open(ViewAsDialog, { context })),
    },
    {
      id: 'shell.builtin.start',
      title: t('shell.builtinStart'),
      section: t('app.general'),
      icon: Power,
      when: () => builtin('stopped', 'failed'),
      run: () => ask('builtin.start'),
    },
    {
      id: 'shell.builtin.stop',
      title: t('shell.builtinStop'),
      section: t('app.general'),
      icon: PowerOff,
      when: () => builtin('running'),
      run: () => ask('builtin.stop'),
    },
    {
      id: 'shell.builtin.reset',
      title: t('shell.builtinReset'),
      section: t('app.general'),
      icon: RotateCcw,
      when: () => workspace.builtin !== undefined,
      run: () =>
        dialogs.open(ConfirmDialog, {
          title: t('shell.resetTitle'),
          text: t('shell.resetText'),
          confirm: t('shell.reset'),
          cancel: t('app.cancel'),
          word: 'reset',
          wordLabel: t('shell.resetType', { word: 'reset' }),
          onConfirm: () => ask('builtin.reset'),
        }),
    },
  ])
}
