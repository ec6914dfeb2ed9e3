import { userInfo } from 'node:os'
import { createAudit } from '../audit.ts'
import { loadManagement } from '../config/load-management.ts'
import { GatewayError, SetupError } from '../errors.ts'
import { createLog, openFileLog } from '../log.ts'
import type { Listed } from '../session/list.ts'
import { type Management, openManagement } from '../session/management.ts'
import { auditOfSelection, endSelected } from '../session/selection.ts'
import { shownToAdmin } from '../session/shown.ts'
import type { Ended } from '../session/store.ts'
import type { Output } from './check.ts'
import type { Order } from './sessions-arguments.ts'
import { visible, visibleJson } from './visible.ts'

export interface SessionsRun {
  readonly order: Exclude<Order, { kind: 'misused' }>
  readonly configFile: string
  /** Takes the place of `redis.url`. */
  readonly redisUrl: string | undefined
  readonly json: boolean
  readonly env: NodeJS.ProcessEnv
}

/** Exit codes. `unconfirmed`: the sessions are ended, but a replica may not know it yet. */
const exit = { done: 0, absent: 1, unconfirmed: 3 } as const

const moment = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')

const head = `${'HANDLE'.padEnd(64)}  ${['CREATED', 'LAST SEEN', 'EXPIRES'].map(title => title.padEnd(20)).join('  ')}  PROVIDER  SUB  IP  AGENT`

const row = ({ handle, created, lastSeen, expires, provider, sub, ip, agent }: Listed): string =>
  [
    ...[handle, moment(created), moment(lastSeen), moment(expires)],
    ...[provider, sub, ip ?? '-', agent ?? '-'].map(visible),
  ].join('  ')

/** Lists as it reads, page by page, so that a million sessions need no more memory than one. */
const list = async (pages: AsyncIterable<Listed[]>, json: boolean, { out }: Output) => {
  let count = 0
  if (json) out('{"sessions":[')
  for await (const page of pages) {
    for (const session of page) {
      if (json) out(`${count === 0 ? '' : ','}${visibleJson(shownToAdmin(session))}`)
      else if (count === 0) out(head)
      if (!json) out(row(session))
      count++
    }
  }
  if (json) out(']}')
  else if (count === 0) out('no sessions')
  return exit.done
}

const show = async (sessions: Management, handle: string, json: boolean, { out, err }: Output) => {
  const session = await sessions.show(handle)
  if (session === undefined) {
    err('no live session has this handle')
    return exit.absent
  }
  if (json) out(visibleJson(shownToAdmin(session)))
  else {
    const { created, lastSeen, idleExpires, expires, ...texts } = session
    const times = { created, 'last seen': lastSeen, 'idle until': idleExpires, expires }
    for (const [name, text] of Object.entries(texts)) {
      if (text !== undefined) out(`${name.padEnd(12)}${visible(text)}`)
    }
    for (const [name, time] of Object.entries(times)) out(`${name.padEnd(12)}${moment(time)}`)
  }
  return exit.done
}

const confirmation = (replicated: boolean | undefined): string => {
  if (replicated === undefined) return ''
  return replicated ? ', confirmed by a replica' : ', not confirmed by any replica'
}

const tell = ({ ended, replicated }: Ended, json: boolean, { out }: Output) => {
  if (json) out(JSON.stringify({ ended, replicated: replicated ?? null }))
  else out(`ended ${ended} ${ended === 1 ? 'session' : 'sessions'}${confirmation(replicated)}`)
  return replicated === false ? exit.unconfirmed : exit.done
}

/** The file of `log.audit`, else standard error: ending a session must not fail for want of a log. */
const openAudit = (file: string | undefined, { err }: Output) => {
  const terminal = createLog('info', { write: line => err(line.trimEnd()) })
  if (file === undefined) return createAudit(terminal)
  try {
    return createAudit(openFileLog(file, terminal).log)
  } catch (error) {
    err(`note: ${error instanceof Error ? error.message : error}`)
    return createAudit(terminal)
  }
}

/** The account that gave the order. There may be none by that number, in a container say. */
const account = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.())
  }
}

async function* once(page: Promise<Listed[]>): AsyncGenerator<Listed[]> {
  yield await page
}

/**
 * `claimcheck sessions …`: straight on Redis, whether or not a gateway runs. Returns the exit code;
 * throws `SetupError` where Redis or the config does not allow it.
 */
export const sessions = async (run: SessionsRun, output: Output): Promise<number> => {
  const { order, json } = run
  const loaded = loadManagement(run.configFile, run.env, run.redisUrl)
  if (loaded.kind === 'problems') throw new SetupError(loaded.lines.join('\n'))
  const management = await openManagement(loaded.config)

  const carryOut = async (target: object, ending: Promise<Ended>) => {
    const audit = openAudit(loaded.config.log.audit, output)
    const event = { event: 'sessions_ended', by: 'admin', via: 'cli', account: account() } as const
    try {
      const ended = await ending
      audit({ ...event, ...target, outcome: 'done', ...ended })
      return tell(ended, json, output)
    } catch (error) {
      audit({ ...event, ...target, outcome: 'failed' })
      throw error
    }
  }
  try {
    switch (order.kind) {
      case 'list':
        return await list(management.listAll(), json, output)
      case 'list-user':
        return await list(once(management.list(order.provider, order.sub)), json, output)
      case 'show':
        return await show(management, order.handle, json, output)
      case 'end': {
        const { handle } = order
        const { provider, sub } = (await management.show(handle)) ?? {}
        return await carryOut({ handle, provider, sub }, management.end(handle, { mark: true }))
      }
      case 'end-many': {
        const { selection } = order
        return await carryOut(auditOfSelection(selection), endSelected(management, selection))
      }
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    throw new SetupError(`Redis did not do it: ${reason}`, { cause: error })
  } finally {
    management.close()
  }
}
