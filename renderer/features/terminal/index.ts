import { Plug, SquareTerminal } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useDock } from '../../app/dock.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { lazy } from '../../app/lazy.ts'
import { objectAddress } from '../../app/navigation.ts'
import type { ObjectTarget } from '../../app/target.ts'
import { kindId } from '../../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'
import { messages } from './messages.ts'

const TerminalView = lazy(async () => (await import('./TerminalView.vue')).default)
const applies = (resource: ResourceRef): boolean => kindId(resource) === 'pods'

let opened = 0
/** Each is a session of its own: asking twice gives two. */
function open(target: ObjectTarget, attach: boolean): void {
  useDock().add({
    id: `terminal:${++opened}:${objectAddress(target)}`,
    title: t(attach ? 'terminal.attachTab' : 'terminal.shellTab', {
      name: [target.name, target.container].filter(Boolean).join(' / '),
    }),
    icon: attach ? Plug : SquareTerminal,
    component: TerminalView,
    props: { target, attach },
  })
}

export const terminal: Feature = {
  name: 'terminal',
  messages,
  install() {
    useActions().register([
      {
        id: 'shell',
        title: t('terminal.shell'),
        icon: SquareTerminal,
        keys: ['s'],
        group: 'do',
        applies,
        run: ([target]) => open(target!, false),
      },
      {
        id: 'attach',
        title: t('terminal.attach'),
        icon: Plug,
        keys: ['a'],
        group: 'do',
        applies,
        run: ([target]) => open(target!, true),
      },
    ])
  },
}
