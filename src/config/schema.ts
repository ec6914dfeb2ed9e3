import { type Static, Type } from 'typebox'
import { choice, group, named, numberOrAuto, section, text, texts } from './fields.ts'
import { upstreamName } from './names.ts'
import { LimitsSchema } from './schema-limits.ts'
import { OidcSchema } from './schema-oidc.ts'
import { RouteSchema } from './schema-routes.ts'
import { RedisSchema, SessionSchema } from './schema-sessions.ts'
import { UpstreamSchema } from './schema-upstreams.ts'

export type Config = Static<typeof ConfigSchema>
export type RouteConfig = Config['routes'][number]
export type CaptureConfig = NonNullable<RouteConfig['capture']>
export type LimitsConfig = Config['limits']
export type UpstreamConfig = Config['upstreams'][string]

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const AdminSchema = section(
  {
    listen: text(
      'listen',
      'Address of probes, metrics and the admin API; keep it off the internet',
      { default: '127.0.0.1:8081' },
    ),
    token: Type.Optional(
      text('bearer', 'Bearer token of the admin API; without one the admin API does not exist'),
    ),
  },
  'The admin listener.',
)

/**
 * Everything that an operator may say: the one source of the type, the validation, the defaults, the
 * reference page (docs/config.md) and the published JSON Schema. A key exists only once it works.
 */
export const ConfigSchema = group(
  {
    publicUrl: text(
      'publicUrl',
      'The origin that people see in the address bar. Cookies, redirects and the cross-site check derive from it, never from Host',
      { example: 'https://app.example.com' },
    ),
    listen: text('listen', 'Address of the public listener; port 0 picks one and logs it', {
      default: '127.0.0.1:8080',
    }),
    admin: AdminSchema,
    workers: numberOrAuto(
      1,
      64,
      'Processes that share the listener; `auto`: one for each core. With more than one, another process has the admin listener and the embedded Redis',
    ),
    trustedProxies: texts('network', 'Networks (CIDR) whose X-Forwarded-* headers are believed', {
      example: ['10.0.0.0/8'],
    }),
    authPath: text('authPath', 'Prefix of the gateway’s own endpoints; routes cannot shadow it', {
      default: '/auth',
    }),
    loginPage: Type.Optional(
      text('localPage', 'The page on this site that navigations without a session are sent to', {
        example: '/login',
      }),
    ),
    log: section(
      {
        level: choice(
          logLevels,
          'info',
          'Least severe level that is logged; the environment variable LOG_LEVEL overrides it',
        ),
        audit: Type.Optional(
          text(
            'anyText',
            'A file that the audit log is appended to; left out, its lines are among the others, marked `"audit":true`, at every level but silent',
            { example: '/var/log/claimcheck/audit.log' },
          ),
        ),
      },
      'The log: JSON lines on standard output.',
    ),
    redis: RedisSchema,
    session: SessionSchema,
    limits: LimitsSchema,
    oidc: Type.Optional(OidcSchema),
    upstreams: named(
      upstreamName,
      'must begin with a letter, followed by letters, digits, _ and -',
      UpstreamSchema,
      'Upstreams by name, for routes that need more than a URL.',
    ),
    routes: Type.Array(RouteSchema, {
      minItems: 1,
      description: 'What is served. The longest path wins, whatever the order.',
    }),
  },
  'The configuration of claimcheck.',
)
