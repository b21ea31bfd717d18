import path from 'node:path'
import { BrowserWindow, MessageChannelMain, shell } from 'electron'
import { isOurs, startPage } from './renderer-protocol.ts'
import type { WorkbenchProcess } from './workbench-process.ts'

/** One window, with a message port of its own to the workbench. */
export function openWindow(workbench: WorkbenchProcess): BrowserWindow {
  const window = new BrowserWindow({
    width: 1360,
    height: 860,
    minWidth: 720,
    minHeight: 480,
    show: false,
    title: 'Wheelhouse',
    webPreferences: {
      preload: path.join(import.meta.dirname, '..', 'preload', 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
    },
  })
  const contents = window.webContents
  window.once('ready-to-show', () => window.show())

  let loaded = false
  const handPort = () => {
    if (!loaded || window.isDestroyed()) return
    const { port1, port2 } = new MessageChannelMain()
    workbench.connect(port1)
    contents.postMessage('wheelhouse:port', null, [port2])
  }
  // A reload makes a new page, which needs a new port; so does every page when the workbench is another.
  contents.on('did-finish-load', () => {
    loaded = true
    handPort()
  })
  window.once('closed', workbench.onRestart(handPort))

  // Nothing but our own page is ever shown; links open in the user's browser.
  contents.setWindowOpenHandler(({ url }) => {
    if (/^https?:\/\//.test(url)) void shell.openExternal(url)
    return { action: 'deny' }
  })
  contents.on('will-navigate', (event, url) => {
    if (!isOurs(url)) event.preventDefault()
  })
  contents.on('will-redirect', (event, url) => {
    if (!isOurs(url)) event.preventDefault()
  })
  contents.session.setPermissionRequestHandler((_contents, permission, decide) =>
    decide(permission === 'clipboard-sanitized-write'),
  )
  contents.session.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write')
  void window.loadURL(startPage)
  return window
}
