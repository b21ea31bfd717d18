import { inject, type App, type InjectionKey } from 'vue'
import type { Channel } from './channel.ts'

export const channelKey: InjectionKey<Channel> = Symbol('channel')

export function provideChannel(app: App, channel: Channel): void {
  app.provide(channelKey, channel)
}

/** The page's channel to the workbench. */
export function useChannel(): Channel {
  const channel = inject(channelKey)
  if (!channel) throw new Error('no channel was provided')
  return channel
}
