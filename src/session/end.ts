import { ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import { replicated } from '../redis/replicated.ts'
import { scan } from '../redis/scan.ts'
import { listIn, run } from '../redis/script.ts'
import { scripts } from '../redis/scripts.ts'
import { chunks } from './chunks.ts'
import { type Described, describe, gone, handlesIn, metaIn } from './describe.ts'
import { forgetSids } from './forget.ts'
import type { Keys } from './keys.ts'
import type { Meta } from './record.ts'
import type { Session } from './session.ts'
import { isHandle } from './ticket.ts'

/** What an ending did. */
export interface Ended {
  /** How many live sessions it ended. */
  readonly ended: number
  /** Whether a replica has it too; undefined where the server has no replicas. */
  readonly replicated: boolean | undefined
}

interface Ending {
  /** A connection of its own where there is one: an ending waits for a replica, and whatever is behind it waits too. */
  readonly redis: Redis
  readonly keys: Keys
}

/**
 * Ends sessions, without their tickets. Everything here works when Redis is full. A log-out leaves a
 * mark that refuses logins which had begun before it.
 */
export const createEnder = ({ redis, keys }: Ending) => {
  const settle = async (ended: number): Promise<Ended> => ({
    ended,
    replicated: await replicated(redis),
  })

  const namesOf = (handle: string, { provider, sub, sid }: Meta): string[] => [
    ...[keys.session(handle), keys.user(provider, sub), keys.ended(provider, sub)],
    ...(sid === undefined ? [] : [keys.sid(provider, sid)]),
  ]

  /** One step: record, listing and place in the sid's set. Answers how many live sessions that were, 0 or 1. */
  const finish = async (
    { handle, meta, idleExpires }: Described,
    mark: boolean,
  ): Promise<number> => {
    if (meta === undefined) {
      if (idleExpires !== gone) await ask(redis.unlink(keys.session(handle)))
      return 0
    }
    return Number(await run(redis, scripts.end, namesOf(handle, meta), [handle, mark ? 1 : 0, '']))
  }

  const finishAll = async (sessions: readonly Described[], mark = false): Promise<number> => {
    const counts = await Promise.all(sessions.map(session => finish(session, mark)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Takes away the records of sessions that no user key lists any more: dead already. Answers how many there were. */
  const removeRecords = async (members: readonly string[]): Promise<number> => {
    let removed = 0
    for (const chunk of chunks(members.filter(isHandle))) {
      const reply = await run(
        redis,
        scripts.remove,
        chunk.map(handle => keys.session(handle)),
      )
      const lines = listIn(reply)
      const ended = chunk.map((handle, index) => ({ handle, meta: metaIn(lines[index]) }))
      await forgetSids({ redis, keys }, ended)
      removed += lines.filter(line => line !== 0).length
    }
    return removed
  }

  const unlist = async (names: readonly string[]): Promise<string[]> => {
    const reply = await run(redis, scripts.unlist, names)
    return listIn(reply).map(String)
  }

  /** Ends one session. With `mark`, logins of that person which have begun before are refused. */
  const end = async (handle: string, { mark = false } = {}): Promise<Ended> => {
    if (!isHandle(handle)) return { ended: 0, replicated: undefined }
    return settle(await finishAll(await describe({ redis, keys }, [handle]), mark))
  }

  /** Ends one session where its record is still the one that was read; 0 where it has been replaced since. */
  const endVersion = async ({ handle, meta, version }: Session): Promise<Ended> => {
    const names = namesOf(handle, meta)
    return settle(Number(await run(redis, scripts.end, names, [handle, 0, version])))
  }

  /** Logs a person out everywhere: all sessions are dead with the first step, which takes the user key away. */
  const endUser = async (provider: string, sub: string): Promise<Ended> => {
    const members = await unlist([keys.user(provider, sub), keys.ended(provider, sub)])
    return settle(await removeRecords(members))
  }

  /** Ends a person's sessions but that one, and refuses logins of theirs that have begun before. */
  const endOthers = async (provider: string, sub: string, handle: string): Promise<Ended> => {
    await run(redis, scripts.logOut, [keys.ended(provider, sub)])
    const members = await ask(redis.zrange(keys.user(provider, sub), '0', '-1'))
    let ended = 0
    for (const chunk of chunks(members.filter(member => isHandle(member) && member !== handle))) {
      ended += await finishAll(await describe({ redis, keys }, chunk))
    }
    return settle(ended)
  }

  /** Ends the sessions of one session at the provider; with `sub`, only those of that person. */
  const endSid = async (provider: string, sid: string, sub?: string): Promise<Ended> => {
    const set = keys.sid(provider, sid)
    const reply = await run(redis, scripts.logOut, [keys.ended(provider, sid), set])
    const members = listIn(reply).map(String).filter(isHandle)
    let ended = 0
    for (const chunk of chunks(members)) {
      const described = await describe({ redis, keys }, chunk)
      const leaving = described.filter(({ meta }) => sub === undefined || sub === meta?.sub)
      ended += await finishAll(leaving)
      const dead = described.filter(({ meta }) => meta === undefined).map(({ handle }) => handle)
      if (dead.length > 0) await ask(redis.srem(set, ...dead))
    }
    return settle(ended)
  }

  /** Logs everybody out: the user keys first, in pages, then whatever records are left. */
  const endAll = async (): Promise<Ended> => {
    await run(redis, scripts.logOut, [keys.endedAll()])
    let ended = 0
    for await (const users of scan(redis, keys.everyUser)) {
      const members = await Promise.all(users.map(user => unlist([user])))
      ended += await removeRecords(members.flat())
    }
    for await (const records of scan(redis, keys.everySession)) {
      ended += await finishAll(await describe({ redis, keys }, handlesIn(keys, records)))
    }
    return settle(ended)
  }

  return { end, endVersion, endOthers, endUser, endSid, endAll }
}
