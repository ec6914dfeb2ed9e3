import {
  allowInsecureRequests,
  type Configuration,
  customFetch,
  discovery,
  type ServerMetadata,
} from 'openid-client'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'
import { createClientAuth } from './client-auth.ts'
import { createKeySet, type KeySet } from './key-set.ts'
import { mendExpiry } from './mend-expiry.ts'
import { checkMetadata } from './metadata.ts'
import type { OidcPlan } from './oidc-plan.ts'
import { createProviderFetch } from './provider-fetch.ts'

/** A provider whose metadata are known. */
export interface Discovered {
  readonly configuration: Configuration
  readonly metadata: ServerMetadata
  /** For ID tokens, which come from the provider itself: an unknown key id fetches the keys at once. */
  readonly keys: KeySet
  /** For logout tokens, which anybody may post: fetched for an unknown key id every 30 s at most (LG-20). */
  readonly logoutKeys: KeySet
}

export type Provider = ReturnType<typeof createProvider>

const hour = 60 * 60_000
const longestPause = 5_000

/**
 * The configured provider, discovered when it is first needed, anew every hour, and again soon after
 * every failure: the gateway starts and serves while it is down.
 */
export const createProvider = (plan: OidcPlan, log: Log) => {
  const request = createProviderFetch({ timeout: plan.timeout })
  const authenticate = createClientAuth(plan.authentication)
  let known: Discovered | undefined
  let knownAt = 0
  let pending: Promise<Discovered> | undefined
  let failures = 0
  let pausedUntil = 0
  let lastError: unknown

  const discover = async (): Promise<Discovered> => {
    const isHttps = plan.issuer.startsWith('https:')
    const configuration = await discovery(
      new URL(plan.issuer),
      plan.clientId,
      undefined,
      await authenticate(),
      {
        [customFetch]: async (url, options) => mendExpiry(await request(url, options), log),
        // Whole seconds, and beyond our own limit, which is the one that holds.
        timeout: Math.ceil(plan.timeout / 1000) + 1,
        // Only a provider on this machine may be http (oidc-plan.ts).
        execute: isHttps ? [] : [allowInsecureRequests],
      },
    )
    configuration.timeout = 0
    const metadata = configuration.serverMetadata()
    const jwksUri = checkMetadata(metadata, plan.issuer, isHttps)
    if (known !== undefined && known.metadata.jwks_uri === metadata.jwks_uri) {
      return { ...known, configuration, metadata }
    }
    // Short enough to fit, after the token call, into the lease of a refresh.
    const timeout = Math.min(plan.timeout, 3_000)
    return {
      configuration,
      metadata,
      keys: createKeySet(jwksUri, { timeout, cooldown: 0 }),
      logoutKeys: createKeySet(jwksUri, { timeout, cooldown: 30_000, failurePause: 1_000 }),
    }
  }

  const attempt = async (): Promise<Discovered> => {
    try {
      known = await discover()
      knownAt = performance.now()
      failures = 0
      return known
    } catch (error) {
      lastError = error
      pausedUntil = performance.now() + Math.min(250 * 2 ** failures++, longestPause)
      log.warn({ err: error, issuer: plan.issuer }, 'the provider cannot be discovered')
      throw unavailable(error)
    }
  }

  const begin = (): Promise<Discovered> => {
    pending ??= attempt().finally(() => {
      pending = undefined
    })
    return pending
  }

  /** Rejects with `provider_unavailable`, at once where discovery failed a moment ago. */
  const discovered = async (): Promise<Discovered> => {
    const mayTry = performance.now() >= pausedUntil
    if (known !== undefined) {
      if (mayTry && performance.now() - knownAt > hour) begin().catch(() => undefined)
      return known
    }
    if (!mayTry && pending === undefined) throw unavailable(lastError)
    return begin()
  }

  return { plan, discovered }
}

const unavailable = (cause: unknown): GatewayError =>
  new GatewayError('provider_unavailable', 'the provider cannot be discovered', { cause })
