import type { ConnectionState } from '#shared/ipc/contexts.ts'
import type { Freshness } from '#shared/ipc/queries.ts'
import type { Tone } from '../ui/tone.ts'
import { formatCount, t } from './i18n.ts'

export const clockTime = (milliseconds: number): string =>
  new Date(milliseconds).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })

export const freshnessTone: Record<Freshness['state'], Tone> = {
  loading: 'busy',
  live: 'ok',
  reconnecting: 'warn',
  forbidden: 'warn',
  failed: 'bad',
}

/** How current the rows are, in words. */
export function freshnessText(freshness: Freshness): string {
  if (freshness.state === 'reconnecting') return t('app.freshness.reconnecting', { time: clockTime(freshness.since) })
  if (freshness.state !== 'loading') return t(`app.freshness.${freshness.state}`)
  const loaded = formatCount(freshness.loaded)
  if (freshness.total !== undefined)
    return t('app.freshness.loadingOf', { loaded, total: formatCount(freshness.total) })
  return freshness.loaded ? t('app.freshness.loadingCount', { loaded }) : t('app.freshness.loading')
}

export const connectionTone: Record<ConnectionState['state'], Tone> = {
  idle: 'off',
  connecting: 'busy',
  live: 'ok',
  reconnecting: 'warn',
  failed: 'bad',
}
