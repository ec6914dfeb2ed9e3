import type { Metrics } from '../metrics.ts'

/** An answer that need not end. */
interface EventStream {
  end(): void
}

export type EventStreams = ReturnType<typeof createEventStreams>

/** The event streams that are open. */
export const createEventStreams = (metrics: Metrics) => {
  const open = new Set<EventStream>()
  const gauge = metrics.openStreams.labels('event_stream')
  return {
    add: (stream: EventStream): void => {
      open.add(stream)
      gauge.set(open.size)
    },
    remove: (stream: EventStream): void => {
      open.delete(stream)
      gauge.set(open.size)
    },
    /** The gateway goes away. */
    endAll: (): void => {
      for (const stream of open) stream.end()
    },
  }
}
