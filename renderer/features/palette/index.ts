import { useCommands } from '../../app/commands.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { messages } from './messages.ts'
import { usePalette } from './palette.ts'

export const palette: Feature = {
  name: 'palette',
  messages,
  install() {
    const store = usePalette()
    useCommands().register([
      {
        id: 'palette.open',
        title: t('palette.open'),
        section: t('app.general'),
        keys: ['mod+k'],
        whileTyping: true,
        run: () => store.show(),
      },
      {
        id: 'palette.kinds',
        title: t('palette.openKinds'),
        section: t('app.general'),
        keys: [':'],
        run: () => store.show(':'),
      },
    ])
  },
}
