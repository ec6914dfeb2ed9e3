import { createCapturedExchange } from '../login/captured-exchange.ts'
import type { Exchange } from '../login/exchange.ts'
import { createPost } from '../proxy/post.ts'
import { createUpstream } from '../proxy/upstream.ts'
import { tlsOf } from '../proxy/upstream-tls.ts'
import type { Compiled } from './serving.ts'

/** The captures that refresh, one for each provider, with the upstream of their route. */
const refreshing = ({ captures, plan }: Compiled) =>
  new Map(
    plan.routes.flatMap(({ index, upstream }) => {
      const { name = '', refresh } = captures.get(index) ?? {}
      return refresh === undefined ? [] : [[name, { index, upstream, refresh }] as const]
    }),
  )

/** All that decides how captured sessions are refreshed, the files of their upstreams included. Throws where one cannot be read. */
export const capturedInput = (compiled: Compiled) =>
  [...refreshing(compiled).values()].map(({ index, upstream }) => ({
    ...{ upstream, files: tlsOf(upstream), capture: compiled.config.routes[index]?.capture },
  }))

/**
 * How the sessions of captured logins are refreshed, by provider: over connections of their own, which close
 * with each answer, so that a refresh does not depend on what a reload does to those of the routes.
 */
export const capturedExchanges = (compiled: Compiled): ReadonlyMap<string, Exchange> =>
  new Map(
    [...refreshing(compiled)].map(([name, { upstream, refresh }]) => [
      name,
      createCapturedExchange(refresh, createPost(createUpstream(upstream))),
    ]),
  )
