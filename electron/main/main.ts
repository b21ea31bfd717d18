import { app, BrowserWindow, Menu } from 'electron'
import { menuTemplate } from './menu.ts'
import { serveRenderer } from './renderer-protocol.ts'
import { startWorkbench } from './workbench-process.ts'
import { openWindow } from './window.ts'

/** The Electron shell: windows, menus, life cycle. Everything else happens in the workbench's process. */
if (app.requestSingleInstanceLock()) void start()
else app.quit()

async function start(): Promise<void> {
  serveRenderer.declare()
  await app.whenReady()
  serveRenderer.handle()
  const workbench = startWorkbench()
  const open = () => openWindow(workbench)
  /** Started once more, or clicked in the dock: somebody wants to see a window. */
  const show = () => {
    const [window] = BrowserWindow.getAllWindows()
    if (!window) return void open()
    if (window.isMinimized()) window.restore()
    window.focus()
  }
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, () => void open())))
  open()

  app.on('second-instance', show)
  app.on('activate', show)
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  let stopped = false
  app.on('before-quit', (event) => {
    if (stopped) return
    event.preventDefault()
    void workbench.stop().finally(() => {
      stopped = true
      app.quit()
    })
  })
}
