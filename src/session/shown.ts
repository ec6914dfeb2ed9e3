import type { Listed } from './list.ts'

/** Seconds since 1970, as in `/auth/session`; never later than the moment itself. */
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)

/** A session as its own person sees it: the JSON of `GET /auth/sessions`. */
export const shownToPerson = (listed: Listed, current: boolean) => ({
  handle: listed.handle,
  current,
  created: seconds(listed.created),
  last_seen: seconds(listed.lastSeen),
  expires_at: seconds(listed.expires),
  ip: listed.ip,
  agent: listed.agent,
  provider: listed.provider,
})

/** A session as administrators see it: the JSON of the admin API and of `claimcheck sessions`. */
export const shownToAdmin = (listed: Listed) => ({
  handle: listed.handle,
  provider: listed.provider,
  iss: listed.iss,
  sub: listed.sub,
  sid: listed.sid,
  created: seconds(listed.created),
  last_seen: seconds(listed.lastSeen),
  expires_at: seconds(listed.expires),
  idle_expires_at: seconds(listed.idleExpires),
  ip: listed.ip,
  agent: listed.agent,
})
