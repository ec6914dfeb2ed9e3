import { buildEndSessionUrl, randomState } from 'openid-client'
import type { Log } from '../log.ts'
import type { Session, Store } from '../session/store.ts'
import { createTicket, handleOf, isTicket } from '../session/ticket.ts'
import type { Provider } from './provider.ts'
import { reasonOf } from './reason.ts'
import { returnTo } from './return-to.ts'
import type { Revoker } from './revoke.ts'
import type { SingleUse } from './single-use.ts'

export interface StartLogout {
  readonly ticket: string | undefined
  readonly loginCookie: string | undefined
  /** What the browser asked for; made safe here. */
  readonly returnTo: string | undefined
}

export interface StartedLogout {
  /** The session that was live until now. */
  readonly session: Session | undefined
  /** For `Location`: the provider's end-session page, or a local path. */
  readonly location: string
  /** For the login cookie, where the log-out comes back from the provider. */
  readonly loginCookie: string | undefined
}

interface Parts {
  readonly publicUrl: string
  readonly store: Pick<Store, 'readTokens' | 'end'>
  /** Undefined where all sessions are captured ones. */
  readonly oidc:
    | { readonly provider: Provider; readonly revoker: Revoker; readonly returns: SingleUse }
    | undefined
  readonly log: Log
}

export type Logout = ReturnType<typeof createLogout>

/** The log-out by the person. */
export const createLogout = ({ publicUrl, store, oidc, log }: Parts) => {
  /**
   * Ends the session first; whatever fails after that, it is ended. Logins of the person that are under
   * way are refused. Its tokens are revoked in the background. Rejects with `redis_unavailable`, and
   * then the session is not ended. Without a live session it does nothing.
   */
  const startLogout = async (start: StartLogout): Promise<StartedLogout> => {
    const { ticket = '', loginCookie } = start
    const local = returnTo(start.returnTo, publicUrl)
    const loaded = isTicket(ticket) ? await store.readTokens(ticket) : undefined
    if (isTicket(ticket)) await store.end(handleOf(ticket), { mark: true })
    const session = loaded?.session
    if (loaded === undefined || oidc === undefined || session?.meta.provider !== 'oidc') {
      return { session, location: local, loginCookie: undefined }
    }
    oidc.revoker.revoke(loaded.tokens)
    const away = await goAway(oidc, loginCookie, local).catch(error => {
      log.warn({ reason: reasonOf(error) }, 'a log-out does not reach the provider')
    })
    return { session, location: local, loginCookie: undefined, ...away }
  }

  /** OpenID Connect RP-Initiated Logout 1.0 section 2, without `id_token_hint`: no token passes through the browser. */
  const goAway = async (
    { provider, returns }: NonNullable<Parts['oidc']>,
    cookie: string | undefined,
    local: string,
  ): Promise<{ location: string; loginCookie: string } | undefined> => {
    const { configuration, metadata } = await provider.discovered()
    if (metadata.end_session_endpoint === undefined) return undefined
    const loginCookie = cookie !== undefined && isTicket(cookie) ? cookie : createTicket()
    const state = randomState()
    await returns.put(loginCookie, state, { returnTo: local })
    const { href: location } = buildEndSessionUrl(configuration, {
      post_logout_redirect_uri: provider.plan.postLogoutRedirectUri,
      state,
    })
    return { location, loginCookie }
  }

  /**
   * The return from the provider: the path that this browser's log-out asked for, or undefined where
   * the `state` is not one that it took along (section 3).
   */
  const finishLogout = async (
    query: string,
    loginCookie: string | undefined,
  ): Promise<string | undefined> => {
    const [state = '', ...more] = new URLSearchParams(query).getAll('state')
    if (oidc === undefined || more.length > 0 || !isTicket(state)) return undefined
    if (loginCookie === undefined || !isTicket(loginCookie)) return undefined
    const taken = await oidc.returns.take(loginCookie, state)
    return isReturn(taken) ? taken.returnTo : undefined
  }

  return { startLogout, finishLogout }
}

const isReturn = (value: unknown): value is { returnTo: string } =>
  typeof value === 'object' &&
  value !== null &&
  'returnTo' in value &&
  typeof value.returnTo === 'string'
