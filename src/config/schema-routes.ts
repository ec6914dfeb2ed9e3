import { Type } from 'typebox'
import {
  choice,
  duration,
  flag,
  group,
  named,
  period,
  section,
  size,
  text,
  texts,
} from './fields.ts'
import { claimName, headerName } from './names.ts'

/** The signatures that are accepted at all (RFC 7518 section 3.1, RFC 9864). `none` is not among them. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519', 'HS256', 'HS384', 'HS512'],
]

const VerifySchema = group(
  {
    jwks: Type.Optional(
      text('jwksUrl', 'URL of the key set; either this or `secret`', {
        example: 'https://api.internal/jwks.json',
      }),
    ),
    secret: Type.Optional(
      text('secret', 'The shared HMAC key; at least as long as the hash (RFC 7518 section 3.2)'),
    ),
    issuer: Type.Optional(text('anyText', 'The `iss` that is demanded')),
    audience: Type.Optional(text('anyText', 'The `aud` that is demanded')),
    algorithms: Type.Optional(
      Type.Array(Type.Enum(algorithms), {
        minItems: 1,
        description: 'The signature algorithms that are accepted',
        example: ['RS256'],
      }),
    ),
    allowInsecureJwks: flag(false, 'Fetches keys over plain http from another machine'),
  },
  'How the captured token is verified',
)

const RefreshSchema = group(
  {
    path: text(
      'routePath',
      'Where the API gives new tokens, as the route’s upstream knows it; the gateway asks it itself, with POST',
      { example: '/api/token/refresh' },
    ),
    format: choice(
      ['json', 'form', 'bearer'],
      'json',
      'How the refresh token is sent: as a member of a JSON object, as a field of a form, or as bearer token',
    ),
    field: Type.Optional(
      text(
        'anyText',
        'The name of that member or field; left out, the last part of `refreshToken`',
        {
          example: 'refresh_token',
        },
      ),
    ),
    token: Type.Optional(
      text(
        'pointer',
        'Where the new JWT is in the answer; left out, where it is in that to a login',
      ),
    ),
    refreshToken: Type.Optional(
      text(
        'pointer',
        'Where a new refresh token is, which takes the place of the old one; left out, where it is in the answer to a login',
      ),
    ),
    refusals: Type.Array(Type.Integer(), {
      default: [401],
      description:
        'Statuses that say that a refresh token is over, which ends the session, as `invalid_grant` (RFC 6749) does; every other failure keeps it',
    }),
    refreshBefore: duration(
      '60s',
      'How long before its end a token is refreshed; nobody waits for it while the old one is valid',
      { most: '1h' },
    ),
    timeout: duration('10s', 'How long the API may take for its answer', { most: '1m' }),
  },
  'How the tokens of its sessions are renewed; left out, a session is over with its token',
)

const CaptureSchema = group(
  {
    name: text('provider', 'Name of the provider: a person is a name and a subject', {
      example: 'api',
    }),
    token: text('pointer', 'Where the JWT is in the answer (JSON Pointer)', {
      example: '/access_token',
    }),
    refreshToken: Type.Optional(
      text('pointer', 'Where the refresh token is', { example: '/refresh_token' }),
    ),
    remove: texts('pointer', 'What else is cut out of the answer'),
    subject: text('pointer', 'Where the verified JWT says who it is', { default: '/sub' }),
    claims: texts('claim', 'The claims that `/auth/session` may show', {
      default: ['sub', 'name', 'email'],
    }),
    verify: VerifySchema,
    refresh: Type.Optional(RefreshSchema),
  },
  'Makes a session out of the answer of an existing login API and cuts the tokens out of it',
)

const RequireSchema = group(
  {
    scopes: texts('anyText', 'Scopes, all of which are needed', { example: ['orders:read'] }),
    claims: named(
      claimName,
      'must be the name of a claim, or a JSON Pointer such as /realm_access/roles',
      Type.Array(
        Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] }),
        {
          minItems: 1,
        },
      ),
      'Name of a claim or JSON Pointer, and values of which the claim needs one; all claims must fit',
      { role: ['admin'], '/realm_access/roles': ['clerk'] },
    ),
    acr: texts(
      'anyText',
      'Authentication context classes, one of which the login must have reached; else a fresh login is asked for',
      { example: ['phr'] },
    ),
    maxAge: Type.Optional(
      period(
        'How long ago the person may have proved who they are; else a fresh login is asked for',
        {
          example: '15m',
        },
      ),
    ),
  },
  'What a session must have, else 403',
)

/** One entry of `routes`. */
export const RouteSchema = group(
  {
    path: text('routePath', 'This path and all below it, by whole segments', {
      example: '/api/orders',
    }),
    methods: texts('method', 'The methods that are forwarded, else 405', {
      default: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      minItems: 1,
    }),
    upstream: text('upstream', 'Name of an upstream, or its URL', { example: 'orders' }),
    rewrite: Type.Optional(
      text('routePath', 'Replaces the matched prefix; Location is mapped back', {
        example: '/v2/orders',
      }),
    ),
    auth: choice(
      ['session', 'optional', 'none'],
      'session',
      'session: 401 without one; optional: forwarded either way; none: the session is not even looked at',
    ),
    pages: flag(false, 'May be navigated to: login redirect, links from other sites'),
    require: Type.Optional(RequireSchema),
    token: choice(
      ['access_token', 'id_token', 'none'],
      'access_token',
      'What is sent to the upstream as bearer',
    ),
    claimHeaders: named(
      headerName,
      'must be letters, digits and -',
      Type.String({ shape: 'claim' }),
      'Headers that carry claims to the upstream: name of the header, name of the claim or JSON Pointer',
      { 'X-User': 'sub' },
    ),
    cookies: texts(
      'cookie',
      'Browser cookies that may reach the upstream, by name; "*" is all but our own',
    ),
    cors: section(
      {
        origins: texts('origin', 'Other origins that may call this route with the cookie', {
          example: ['https://admin.example.com'],
        }),
      },
      'Cross-origin callers',
    ),
    slide: flag(true, 'Requests keep the session alive; false for polling'),
    websocket: flag(false, 'Forwards WebSocket upgrades'),
    maxBody: size(0, 'Largest request body; 0 is no limit'),
    allowClientAuthorization: flag(
      false,
      'Without our cookie, a client’s own Authorization passes untouched (existing API clients)',
    ),
    allowEncodedSlash: flag(false, 'Forwards paths with %2F'),
    allowEmptySegments: flag(false, 'Forwards paths with empty segments (//)'),
    allowPathParameters: flag(false, 'Forwards paths with parameters (;)'),
    allowSharedCache: flag(
      false,
      'Answers that the upstream marks `public` or `s-maxage` stay so: a cache in front may give them to anybody, without a session',
    ),
    capture: Type.Optional(CaptureSchema),
  },
  'One route.',
)
