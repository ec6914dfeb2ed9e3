import type { ErrorCode } from '../errors.ts'
import type { NewSession, Store } from '../session/store.ts'
import { handleOf, isTicket } from '../session/ticket.ts'
import { readCallback, wrongIssuer } from './callback.ts'
import type { Provider } from './provider.ts'
import { redeem } from './redeem.ts'
import type { Revoker } from './revoke.ts'
import type { Transaction, Transactions } from './transaction.ts'

export interface FinishLogin {
  /** As it came, with its question mark, or empty. */
  readonly query: string
  readonly loginCookie: string | undefined
  readonly presentedTicket: string | undefined
  readonly ip?: string | undefined
  readonly agent?: string | undefined
}

export type FinishedLogin =
  | {
      readonly kind: 'created'
      /** For the session cookie. */
      readonly ticket: string
      readonly handle: string
      readonly sub: string
      /** For `Location`: a local path. */
      readonly returnTo: string
      /** Handles of the sessions that this login put an end to: of this browser, and beyond the limit. */
      readonly replaced: readonly string[]
      readonly evicted: readonly string[]
    }
  | {
      readonly kind: 'refused'
      readonly code: ErrorCode
      /** For the log only. */
      readonly reason: string
      /** Where the person wanted to go, for a link that tries again; undefined where it is not known. */
      readonly returnTo: string | undefined
    }

interface Parts {
  readonly provider: Provider
  readonly transactions: Transactions
  readonly store: Pick<Store, 'create' | 'end'>
  readonly revoker: Revoker
}

/**
 * Finishes a login that this browser has started. Rejects with `provider_unavailable` or
 * `redis_unavailable` where nothing was learned: the same callback may then be tried again, unless
 * its transaction was already taken.
 */
export const createFinishLogin = (parts: Parts) => {
  const { provider, transactions, store, revoker } = parts

  const finish = async (callback: FinishLogin): Promise<FinishedLogin> => {
    const { loginCookie = '' } = callback
    const read = readCallback(callback.query)
    if (read.kind === 'refused') return refuse('malformed_request', read.reason)
    if (!isTicket(loginCookie)) return refuse('login_expired', 'there is no login cookie')
    // Before the transaction is taken: a callback that finds the provider down can be repeated.
    const discovered = await provider.discovered()
    const transaction = await transactions.take(loginCookie, read.state)
    if (transaction === undefined) {
      return refuse('login_expired', 'the login is unknown, over, or of another browser')
    }
    const { returnTo } = transaction
    const { metadata } = discovered
    const foreign = wrongIssuer(
      read.parameters,
      metadata.issuer,
      metadata.authorization_response_iss_parameter_supported === true,
    )
    if (foreign !== undefined) return refuse('malformed_request', foreign, returnTo)

    const redeemed = await redeem(
      provider.plan,
      discovered,
      callback.query,
      read.state,
      transaction,
    )
    if (redeemed.kind === 'refused') return refuse(redeemed.code, redeemed.reason, returnTo)
    const { ip, agent } = callback
    return keep({ ...redeemed.session, ip, agent }, callback, loginCookie, transaction)
  }

  /** One browser, one live session: those that it presented and the last that its logins made end with the new one's first moment. */
  const keep = async (
    session: NewSession,
    { presentedTicket = '' }: FinishLogin,
    loginCookie: string,
    { startedAt, presented, returnTo }: Transaction,
  ): Promise<FinishedLogin> => {
    try {
      const last = await transactions.last(loginCookie)
      const old = [
        presented,
        last,
        isTicket(presentedTicket) ? handleOf(presentedTicket) : undefined,
      ]
      const created = await store.create(session, {
        presented: old.filter(handle => handle !== undefined),
        startedAt,
      })
      if (created.kind !== 'created') {
        revoker.revoke(session.tokens)
        return created.kind === 'ended'
          ? refuse('login_ended', 'a log-out came after the login had begun', returnTo)
          : refuse('too_many_sessions', 'the person has as many sessions as allowed', returnTo)
      }
      const { ticket, handle, evicted } = created
      const replaced = [...created.replaced, ...(await overtaken(loginCookie, handle, last))]
      return { kind: 'created', ticket, handle, sub: session.sub, returnTo, replaced, evicted }
    } catch (error) {
      revoker.revoke(session.tokens)
      throw error
    }
  }

  /** Ends the session of a callback that ran beside this one; if that cannot be done, this one's own. */
  const overtaken = async (
    loginCookie: string,
    handle: string,
    last: string | undefined,
  ): Promise<string[]> => {
    try {
      const between = await transactions.swapLast(loginCookie, handle)
      if (between === undefined || between === last) return []
      const { ended } = await store.end(between)
      return ended > 0 ? [between] : []
    } catch (error) {
      await store.end(handle).catch(() => undefined)
      throw error
    }
  }

  return finish
}

const refuse = (code: ErrorCode, reason: string, returnTo?: string): FinishedLogin => ({
  kind: 'refused',
  ...{ code, reason, returnTo },
})
