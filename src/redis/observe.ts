import type { CommandFailure } from '../metrics.ts'
import type { Redis } from './client.ts'

/** Told of each command when it is over; `took` in seconds. */
export interface CommandObserver {
  answered(took: number): void
  failed(reason: CommandFailure): void
}

/** A script that Redis does not know yet is sent again as text: no failure. */
const isNews = (error: Error): boolean => error.message.startsWith('NOSCRIPT')

const reasonOf = (error: Error): CommandFailure => {
  if (error.name === 'ReplyError') return 'refused'
  return error.message === 'Command timed out' ? 'timeout' : 'connection'
}

/** Tells `observer` of the commands of a connection. */
export const observeCommands = (redis: Redis, observer: CommandObserver): void => {
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    const sent = performance.now()
    const answered = (): void => observer.answered((performance.now() - sent) / 1000)
    const failed = (error: Error): void =>
      isNews(error) ? answered() : observer.failed(reasonOf(error))
    command.promise.then(answered, failed)
    return send(command, stream)
  }
}
