import ConfirmDialog from '../ui/ConfirmDialog.vue'
import { useDialogs } from './dialogs.ts'
import { t } from './i18n.ts'
import { useNotices } from './notices.ts'
import { useWorkspace } from './workspace.ts'

/** Clusters that are protected from changes: the workbench refuses those, and here they are unlocked. */
export function useProtection() {
  const dialogs = useDialogs()
  const notices = useNotices()
  const workspace = useWorkspace()
  const nameOf = (id: string): string => workspace.contexts?.find((context) => context.id === id)?.name ?? id

  async function ask(work: Promise<void>, done?: () => void): Promise<void> {
    try {
      await work
      done?.()
    } catch (error) {
      notices.fail(error)
    }
  }
  const channel = () => workspace.channel()
  return {
    protect: (id: string) =>
      void ask(channel().request('contexts.protect', { context: id, on: true }), () =>
        notices.done(t('app.protection.protected', { name: nameOf(id) })),
      ),
    lock: (id: string) => void ask(channel().request('contexts.unlock', { context: id })),
    /** Lifting the protection for good takes the name too. */
    release(id: string): void {
      const lift = () => void ask(channel().request('contexts.protect', { context: id, on: false }))
      if (workspace.isLocked(id)) this.unlock(id, lift)
      else lift()
    },
    /** Asks for the context's name; `proceed` is what was wanted. */
    unlock(id: string, proceed?: () => void): void {
      const name = nameOf(id)
      dialogs.open(ConfirmDialog, {
        title: t('app.protection.title', { name }),
        text: t('app.protection.text'),
        confirm: t('app.protection.unlock'),
        cancel: t('app.cancel'),
        word: name,
        wordLabel: t('app.protection.type', { name }),
        onConfirm: () => void ask(channel().request('contexts.unlock', { context: id, typed: name }), proceed),
      })
    },
  }
}
