import type { Config } from './schema.ts'

/**
 * True where every client address that the gateway sees is that of a proxy: somebody in front ends TLS,
 * and none is named whose word on addresses is believed.
 */
export const isBehindUnknownProxy = ({
  publicUrl,
  trustedProxies,
}: Pick<Config, 'publicUrl' | 'trustedProxies'>): boolean =>
  publicUrl.startsWith('https:') && trustedProxies.length === 0
