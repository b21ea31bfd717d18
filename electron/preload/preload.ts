import { ipcRenderer } from 'electron'

/**
 * Passes the window's message port from the shell to the page, and nothing else. Ports cannot cross the context
 * bridge, so it travels by postMessage to the page's own origin.
 */
ipcRenderer.on('wheelhouse:port', (event) => {
  globalThis.postMessage('wheelhouse:port', globalThis.origin, [...event.ports])
})
