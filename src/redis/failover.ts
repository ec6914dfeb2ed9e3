import { Redis } from 'ioredis'
import { retryDelay, type SentinelPlan, sentinelNodes } from './options.ts'

const channel = '+switch-master'

/**
 * Calls `moved` when a Sentinel announces another master under this name; nothing else tells a gateway
 * that can still reach a master which the Sentinels gave up. Announcements repeat: one a Sentinel.
 *
 * Not ioredis' failoverDetector: with a Sentinel down it prints to standard error at every attempt,
 * and during a reconnection it can end the connection for good.
 */
export const watchFailover = (
  sentinel: SentinelPlan,
  tls: boolean,
  moved: () => void,
): { close(): void } => {
  const watchers = sentinelNodes(sentinel).map(node => {
    const watcher = new Redis({
      ...node,
      ...(tls && { tls: {} }),
      connectionName: 'claimcheck',
      disableClientInfo: true,
      protocol: 2,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      disconnectTimeout: 100,
      retryStrategy: attempt => 2 * retryDelay(attempt),
    })
    // Where no Sentinel can be reached, the connection that asks them for the master says so.
    watcher.on('error', () => undefined)
    watcher.on('ready', () => void watcher.subscribe(channel).catch(() => watcher.disconnect(true)))
    watcher.on('message', (_, text: string) => {
      if (text.startsWith(`${sentinel.name} `)) moved()
    })
    return watcher
  })
  return {
    close: () => {
      for (const watcher of watchers) watcher.disconnect()
    },
  }
}
