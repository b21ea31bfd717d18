import { CircleArrowOutUpRight, CircleSlash } from '@lucide/vue'
import type { Node } from 'kubernetes-types/core/v1'
import { useActions } from '../../app/actions.ts'
import { useDialogs } from '../../app/dialogs.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { useNotices } from '../../app/notices.ts'
import { usePanels } from '../../app/panels.ts'
import { objectRefOf } from '../../app/target.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { kindId } from '../../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'
import DrainDialog from './DrainDialog.vue'
import NodeSummary from './NodeSummary.vue'
import { messages } from './messages.ts'

const isNode = (resource: ResourceRef): boolean => kindId(resource) === 'nodes'

export const nodes: Feature = {
  name: 'nodes',
  messages,
  install() {
    usePanels().addSummary('nodes', NodeSummary)
    useActions().register([
      {
        id: 'cordon',
        title: t('nodes.cordon'),
        icon: CircleSlash,
        group: 'change',
        many: true,
        applies: isNode,
        async run(targets) {
          const channel = useWorkspace().channel()
          for (const target of targets) {
            const ref = objectRefOf(target)
            const node = (await channel.request('object.get', ref)) as Node
            const unschedulable = node.spec?.unschedulable !== true
            await channel.request('object.patch', {
              ...ref,
              type: 'merge',
              body: { spec: { unschedulable: unschedulable || null } },
            })
            useNotices().done(t(unschedulable ? 'nodes.cordoned' : 'nodes.uncordoned', { name: target.name }))
          }
        },
      },
      {
        id: 'drain',
        title: t('nodes.drain'),
        icon: CircleArrowOutUpRight,
        group: 'change',
        applies: isNode,
        run: ([target]) => useDialogs().open(DrainDialog, { target }),
      },
    ])
  },
}
