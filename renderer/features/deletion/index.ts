import { Hourglass, Trash2 } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useDialogs } from '../../app/dialogs.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import DeleteDialog from './DeleteDialog.vue'
import FinalizersDialog from './FinalizersDialog.vue'
import { messages } from './messages.ts'

export const deletion: Feature = {
  name: 'deletion',
  messages,
  install() {
    useActions().register([
      {
        id: 'delete',
        title: t('deletion.delete'),
        icon: Trash2,
        keys: ['delete', 'mod+d', 'ctrl+d'],
        group: 'remove',
        many: true,
        applies: () => true,
        run: (targets) => useDialogs().open(DeleteDialog, { targets }),
      },
      {
        id: 'finalizers',
        title: t('deletion.finalizers'),
        icon: Hourglass,
        group: 'remove',
        applies: () => true,
        run: ([target]) => useDialogs().open(FinalizersDialog, { target }),
      },
    ])
  },
}
