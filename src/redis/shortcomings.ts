/** The fields of an answer to INFO. */
const fieldsOf = (info: string): Map<string, string> =>
  new Map(
    info.split('\r\n').flatMap(line => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
    }),
  )

const evicting = /^(?:allkeys|volatile)-/

/**
 * In what a server, by its answer to INFO, falls short of what sessions need: a sentence each, for the
 * log. Fields that it does not tell are taken for good.
 */
export const shortcomingsOf = (info: string): string[] => {
  const fields = fieldsOf(info)
  const version = fields.get('redis_version') ?? '7'
  const policy = fields.get('maxmemory_policy') ?? ''
  const checks: [boolean, string][] = [
    [
      Number.parseInt(version, 10) < 7,
      `it is version ${version}, and 7 is the first that is supported`,
    ],
    [fields.get('role') === 'slave', 'it is a replica: nothing can be written to it'],
    [fields.get('redis_mode') === 'cluster', 'it is a cluster, which is not supported'],
    [
      evicting.test(policy),
      `maxmemory-policy ${policy} logs people out at random when memory is full: use noeviction`,
    ],
    [
      fields.get('aof_enabled') === '0',
      'appendonly is off: after a restart sessions are gone, or with snapshots deleted ones are back',
    ],
  ]
  return checks.flatMap(([falls, sentence]) => (falls ? [sentence] : []))
}
