import { Type } from 'typebox'
import { duration, group, text, texts } from './fields.ts'

/** One entry of `upstreams`. */
export const UpstreamSchema = group(
  {
    targets: texts('target', 'http://, https:// or unix: addresses, taken in turn; no path', {
      minItems: 1,
      example: ['http://10.0.0.5:3000', 'http://10.0.0.6:3000'],
    }),
    connectTimeout: duration('2s', 'How long a connection may take to open'),
    headersTimeout: duration('30s', 'How long the upstream may take to begin its answer'),
    idleTimeout: duration('60s', 'How long an answer may stand still'),
    tls: Type.Optional(
      group(
        {
          ca: Type.Optional(
            text('anyText', 'PEM file of the authorities to trust instead of the public ones', {
              example: '/etc/ssl/internal.pem',
            }),
          ),
          cert: Type.Optional(text('anyText', 'PEM file of the client certificate')),
          key: Type.Optional(text('anyText', 'PEM file of the key of the client certificate')),
        },
        'TLS towards https targets. Certificates are always verified',
      ),
    ),
  },
  'One upstream.',
)
