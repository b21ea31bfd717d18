import { CodeXml, FileDown, FilePlus2, PencilLine } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useCommands } from '../../app/commands.ts'
import { useDialogs } from '../../app/dialogs.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { lazy } from '../../app/lazy.ts'
import { useNavigation } from '../../app/navigation.ts'
import { usePanels } from '../../app/panels.ts'
import { saveFile } from '../../app/saveFile.ts'
import { objectRefOf, type ObjectTarget } from '../../app/target.ts'
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
        id: 'saveYaml',
        title: t('editor.save'),
        icon: FileDown,
        group: 'look',
        many: true,
        applies: () => true,
        run: saveYaml,
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

/** The objects as they are now, in one file of several documents. */
async function saveYaml(targets: readonly ObjectTarget[]): Promise<void> {
  const channel = useWorkspace().channel()
  const documents: string[] = []
  for (const target of targets) documents.push((await channel.request('object.yaml', objectRefOf(target))).yaml)
  const [first] = targets
  saveFile(`${targets.length === 1 ? first!.name : first!.resource.plural}.yaml`, documents.join('---\n'), 'text/yaml')
}
