import { Type } from 'typebox'
import { choice, duration, flag, group, section, text, texts } from './fields.ts'

/** A session may live for 400 days at most: as long as browsers keep a cookie (RFC 6265bis section 5.5). */
const session = { most: '9600h' }

export const RedisSchema = section(
  {
    url: Type.Optional(
      text(
        'redisUrl',
        'redis://, rediss:// or unix:// URL, or `embedded` for a Redis of the gateway’s own',
        { example: 'redis://127.0.0.1:6379' },
      ),
    ),
    sentinel: Type.Optional(
      group(
        {
          name: text('anyText', 'Name of the primary', { example: 'mymaster' }),
          nodes: texts('redisNode', 'The Sentinels', {
            minItems: 1,
            example: ['10.0.0.1:26379'],
          }),
        },
        'Finds the primary through Sentinel; `url` then gives the user, the password and the database',
      ),
    ),
    dataDir: text('anyText', 'Folder of the embedded Redis, relative to this file', {
      default: './claimcheck-data',
    }),
    keyPrefix: text('keyPrefix', 'What all keys begin with', { default: 'claimcheck:' }),
    commandTimeout: duration('500ms', 'How long a command may take before Redis counts as down', {
      most: '1m',
    }),
  },
  'Where sessions are kept. Left out means embedded, which only a localhost `publicUrl` may use silently.',
)

export const SessionSchema = section(
  {
    idleTimeout: duration('30m', 'A session ends when it was not used for so long', session),
    absoluteTimeout: duration('12h', 'A session ends after so long in any case', session),
    maxPerUser: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'How many sessions one person may have; 0 is no limit',
    }),
    atLimit: choice(
      ['evict-oldest', 'refuse'],
      'evict-oldest',
      'What a login beyond `maxPerUser` does',
    ),
    cookie: section(
      {
        name: text('sessionCookie', 'Name of the session cookie; browsers protect the prefix', {
          default: '__Host-Http-session',
        }),
        sameSite: choice(
          ['auto', 'strict', 'lax'],
          'auto',
          'auto is Strict, or Lax as soon as a route has `pages: true`',
        ),
      },
      'The session cookie. It is always Secure, HttpOnly, Path=/ and without Domain and Max-Age.',
    ),
    cache: choice(
      ['tracked', 'off'],
      'tracked',
      'tracked: sessions are held in memory until Redis reports a change; off: Redis is asked on every request',
    ),
    cacheLease: duration(
      '1s',
      'Longest staleness of the cache when the link to Redis is silently dead',
      { most: '1m' },
    ),
    streamGrace: duration(
      '60s',
      'How long open streams outlive the loss of Redis before they are cut',
      { least: '0s' },
    ),
    sealSecrets: texts(
      'sealSecret',
      'Second half of the sealing key: the first seals, all open. Who can write to Redis is then no longer able to forge a session',
    ),
    recordClient: flag(
      true,
      'Keeps the IP address and the user agent of each login with its session',
    ),
  },
  'How long sessions live and how they are kept.',
)
