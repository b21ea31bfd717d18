import { CodeXml, FilePlus2, PencilLine } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useCommands } from '../../app/commands.ts'
import { useDialogs } from '../../app/dialogs.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { lazy } from '../../app/lazy.ts'
import { useNavigation } from '../../app/navigation.ts'
import { usePanels } from '../../app/panels.ts'
import type { ObjectTarget } from '../../app/target.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { messages } from './messages.ts'

const YamlTab = lazy(async () => (await import('./YamlTab.vue')).default)
const CreateDialog = lazy(async () => (await import('./CreateDialog.vue')).default)

export const editor: Feature = {
  name: 'editor',
  messages,
  install() {
    const navigation = useNavigation()
    const dialogs = useDialogs()
    const workspace = useWorkspace()
    const open =
      (edit: boolean) =>
      ([target]: readonly ObjectTarget[]): Promise<void> =>
        navigation.openObject(target!, { tab: 'yaml', edit })
    usePanels().addTab({ id: 'yaml', title: t('editor.yaml'), component: YamlTab, order: 10 })
    useActions().register([
      {
        id: 'yaml',
        title: t('editor.viewYaml'),
        icon: CodeXml,
        keys: ['y'],
        group: 'look',
        applies: () => true,
        run: open(false),
      },
      {
        id: 'edit',
        title: t('editor.edit'),
        icon: PencilLine,
        keys: ['e'],
        group: 'change',
        applies: () => true,
        run: open(true),
      },
    ])
    useCommands().register([
      {
        id: 'editor.create',
        title: t('editor.create'),
        section: t('app.general'),
        keys: ['c'],
        icon: FilePlus2,
        when: () => workspace.currentId !== undefined,
        run: () => dialogs.open(CreateDialog),
      },
    ])
  },
}
