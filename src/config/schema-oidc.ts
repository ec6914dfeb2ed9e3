import { type Static, Type } from 'typebox'
import { duration, group, named, text, texts } from './fields.ts'

export type OidcConfig = Static<typeof OidcSchema>

const ClientAuthenticationSchema = group(
  {
    method: Type.Optional(
      Type.Enum(['basic', 'post'], {
        description:
          'How `clientSecret` is sent: in the header or in the body. Left out, whichever the provider says it takes, and the header if both',
      }),
    ),
    privateKeyJwt: Type.Optional(
      text(
        'anyText',
        'A private key (PEM or JWK, or the path of such a file) that signs a short assertion instead of a secret',
        { example: '/run/secrets/client.pem' },
      ),
    ),
    keyId: Type.Optional(
      text('anyText', 'The `kid` of that key, as it is registered with the provider'),
    ),
  },
  'How the gateway proves to the provider who it is',
)

export const OidcSchema = group(
  {
    issuer: text('anyText', 'The provider’s issuer, letter for letter as it calls itself', {
      example: 'https://login.example.com/realms/main',
    }),
    clientId: text('anyText', 'The client that is registered for this gateway', {
      example: 'claimcheck',
    }),
    clientSecret: Type.Optional(text('anyText', 'Its secret')),
    clientAuthentication: Type.Optional(ClientAuthenticationSchema),
    scopes: texts(
      'anyText',
      'The scopes that are asked for; add offline_access where the provider wants it for refresh tokens',
      { default: ['openid', 'profile', 'email'] },
    ),
    authorizationParams: named(
      '^[A-Za-z][A-Za-z0-9_.-]*$',
      'must be the name of a parameter, such as audience',
      Type.String(),
      'What else is sent to the authorization endpoint, such as `audience`. `resource` goes to the token endpoint too (RFC 8707)',
    ),
    refreshBefore: duration(
      '60s',
      'How long before its end an access token is refreshed; nobody waits for it while the old one is valid',
      { most: '1h' },
    ),
    timeout: duration('10s', 'How long the provider may take for one answer', { most: '1m' }),
    claims: texts('claim', 'The claims that `/auth/session` may show', {
      default: ['sub', 'name', 'email'],
    }),
  },
  'The OpenID provider that people log in with. Register `<publicUrl>/auth/callback` and `<publicUrl>/auth/logout/callback` there.',
)
