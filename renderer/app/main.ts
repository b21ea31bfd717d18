import { channelAddress, messagePortConnect, takeToken, webSocketConnect } from '../data/ports.ts'
import { startApp } from './start.ts'

/** Under Electron a preload brings the port; in a browser the page's own server has it. */
startApp(
  location.protocol === 'wheelhouse:'
    ? messagePortConnect(window)
    : webSocketConnect(channelAddress(window, takeToken(window))),
)
