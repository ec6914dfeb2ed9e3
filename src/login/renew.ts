import type { Log } from '../log.ts'
import type { Session, Store, Tokens } from '../session/store.ts'
import { isDue, judge, pauseAfter, type Refreshed } from './due.ts'
import type { Exchange, Exchanged } from './exchange.ts'
import { createSave, type OnChange } from './save.ts'

export interface Renewed {
  readonly outcome: Refreshed
  /** Milliseconds in which nobody else is to try. */
  readonly pause: number
}

export interface RenewParts {
  readonly store: Pick<Store, 'read' | 'readTokens' | 'replace' | 'end' | 'endVersion'>
  readonly onChange: OnChange
  readonly log: Log
  /** Told of each session that ended because the provider says that its grant is over. */
  readonly onEnded?: (session: Session) => void
}

/** Milliseconds after a failure in which the same session does not ask again. */
const failurePause = 2_000
/** Milliseconds for which a session is kept although its refresh token is used up: by somebody who may be cut off. */
const silencePause = 60_000

/**
 * Renews the tokens of one session: to be called by the holder of its lease. Whatever happens to the
 * provider or to Redis, the session is kept, unless the provider itself says that the grant is over.
 */
export const createRenew = ({ store, onChange, log, onEnded = () => undefined }: RenewParts) => {
  const save = createSave(store, onChange)

  const done = (outcome: Refreshed, pause = 0): Renewed => ({ outcome, pause })

  /** `tookOver`: the lease was that of somebody who was taken for dead, and may have used the same refresh token. */
  const renew = async (ticket: string, exchange: Exchange, tookOver = false): Promise<Renewed> => {
    const loaded = await store.readTokens(ticket)
    // Asked again after the wait for the lease: somebody else may have done it, or ended the session.
    if (loaded === undefined || !isDue(loaded.session, exchange.refreshBefore, performance.now())) {
      return done(judge(loaded?.session))
    }
    const { session, tokens } = loaded
    const exchanged = await exchange.exchange(session, tokens)
    switch (exchanged.kind) {
      case 'tokens':
        return keep(ticket, session, exchange, exchanged)
      case 'rotated': {
        const { reason, refreshToken } = exchanged
        log.warn({ handle: session.handle, reason }, 'a session has only a new refresh token')
        const left = session.tokenDeadline - performance.now()
        await insist(ticket, session, { ...tokens, refreshToken }, left)
        return done(judge(await store.read(ticket)), failurePause)
      }
      case 'over':
        return giveUp(ticket, tokens, exchanged.reason, tookOver)
      case 'foreign': {
        exchange.revoke(exchanged.tokens)
        const { ended } = await store.end(session.handle)
        return gone(session, exchanged.reason, ended)
      }
      case 'failed': {
        const { reason, retryAfter = 0 } = exchanged
        log.warn({ handle: session.handle, reason }, 'a session could not be refreshed; it is kept')
        return done(judge(session), Math.max(failurePause, retryAfter))
      }
    }
  }

  const insist: typeof save = async (ticket, session, tokens, lifetime) => {
    try {
      return await save(ticket, session, tokens, lifetime)
    } catch (error) {
      log.error({ handle: session.handle }, 'new tokens are lost: Redis did not take them in time')
      throw error
    }
  }

  const keep = async (
    ticket: string,
    session: Session,
    exchange: Exchange,
    { tokens, lifetime }: Exchanged & { kind: 'tokens' },
  ): Promise<Renewed> => {
    const saved = await insist(ticket, session, tokens, lifetime)
    // Given for a session that has ended meanwhile. Not so where others are stored: to revoke these ends their grant too.
    if (saved === 'gone') exchange.revoke(tokens)
    if (saved === 'replaced' && lifetime === 0) {
      log.warn(
        { provider: session.meta.provider },
        'the provider gives tokens that are over at once',
      )
    }
    return done(judge(await store.read(ticket)), pauseAfter(lifetime, exchange.refreshBefore))
  }

  /**
   * RFC 6749 section 5.2: `invalid_grant`. Somebody else may have used the same refresh token before us: who has
   * saved since is seen by the record; who was cut off from Redis gets a minute to come back and save. What ends is
   * the version that was read, so a save in between wins.
   */
  const giveUp = async (
    ticket: string,
    used: Tokens,
    reason: string,
    tookOver: boolean,
  ): Promise<Renewed> => {
    const stored = await store.readTokens(ticket)
    if (stored === undefined) return done({ kind: 'gone' })
    const { session } = stored
    if (stored.tokens.refreshToken !== used.refreshToken) return done(judge(session))
    if (tookOver) {
      log.warn({ handle: session.handle, reason }, 'a silent gateway may have new tokens; waiting')
      return done(judge(session), silencePause)
    }
    const { ended } = await store.endVersion(session)
    return ended > 0 ? gone(session, reason, ended) : done(judge(await store.read(ticket)))
  }

  const gone = (session: Session, reason: string, ended: number): Renewed => {
    log.info({ handle: session.handle, reason }, 'the provider has ended a session')
    if (ended > 0) onEnded(session)
    return done({ kind: 'gone' })
  }

  return renew
}
