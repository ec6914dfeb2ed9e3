import { Type } from 'typebox'
import { duration, section } from './fields.ts'

const most = (standard: number, description: string) =>
  Type.Integer({ minimum: 0, default: standard, description })

export const LimitsSchema = section(
  {
    logins: section(
      {
        perAddress: most(
          60,
          'Attempts from one client address (an IPv6 address with its /64): started and captured logins together, callbacks by themselves; 0 is no limit',
        ),
        perAccount: most(30, 'Completed logins of one person; 0 is no limit'),
        window: duration('1m', 'In so long', { most: '1h' }),
      },
      'How often people may log in; beyond that 429 until the window ends.',
    ),
    logoutTokens: section(
      {
        perAddress: most(
          60,
          'Refused tokens from one client address; 0 is no limit. Accepted ones do not count',
        ),
        window: duration('1m', 'In so long', { most: '1h' }),
      },
      'How many bad logout tokens are looked at (back-channel log-out).',
    ),
  },
  'Rate limits, counted in Redis for all gateways together. By address only where clients’ addresses are seen: https needs `trustedProxies`.',
)
