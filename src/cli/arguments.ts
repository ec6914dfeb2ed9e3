import { parseArgs } from 'node:util'
import { type Order, readOrder } from './sessions-arguments.ts'

export const usage = `Usage: claimcheck <command> [options]

Commands:
  serve            check the config, then listen
  check            print every problem of the config, one a line, and exit 1; else one line
  explain <METHOD> <path>
                   which route a request takes, by which rules, to which URL, and why
  sessions list [--provider P --sub S]
                   the live sessions, of everybody or of one person
  sessions show <handle>
  sessions end <handle> | --provider P --sub S | --provider P --sid I | --all
                   end one, a person's, those of a session at the provider, or all
  help             print this

Options:
  --config <file>  the config file (default: ./claimcheck.yaml)
  --json           sessions: print JSON
  --redis <url>    sessions: another user or server than redis.url; may be '\${NAME}'
  --version        print the version

Exit codes: 0 done; 1 not possible, or no such session; 2 misused; 3 ended, but no replica has confirmed it
`

export type Arguments =
  | { readonly command: 'serve' | 'check'; readonly configFile: string }
  | {
      readonly command: 'explain'
      readonly configFile: string
      readonly method: string
      readonly target: string
    }
  | {
      readonly command: 'sessions'
      readonly configFile: string
      readonly order: Exclude<Order, { kind: 'misused' }>
      readonly redisUrl: string | undefined
      readonly json: boolean
    }
  | { readonly command: 'help' | 'version' }
  | { readonly command: 'misused'; readonly reason: string }

/** Reads what follows `claimcheck` on the command line. */
export const readArguments = (words: readonly string[]): Arguments => {
  const parsed = parse(words)
  if (typeof parsed === 'string') return { command: 'misused', reason: parsed }
  const { values, positionals } = parsed
  const [command, ...more] = positionals
  if (values.version === true) return { command: 'version' }
  if (values.help === true || command === 'help') return { command: 'help' }
  if (command === undefined) return { command: 'misused', reason: 'a command is missing' }
  const { config: configFile, redis: redisUrl, json = false, provider, sub, sid, all } = values
  const forSessions = { json: json || undefined, redis: redisUrl, provider, sub, sid, all }
  if (command === 'sessions') {
    const order = readOrder(more, { provider, sub, sid, all })
    if (order.kind === 'misused') return { command: 'misused', reason: order.reason }
    return { command, configFile, order, redisUrl, json }
  }
  const [stray] = Object.entries(forSessions).find(([, value]) => value !== undefined) ?? []
  if (stray !== undefined) return { command: 'misused', reason: `${command} takes no --${stray}` }
  if (command === 'explain') {
    const [method, target, ...rest] = more
    if (method === undefined || target === undefined || rest.length > 0)
      return { command: 'misused', reason: 'explain takes a method and a path' }
    return { command, configFile, method, target }
  }
  if (command !== 'serve' && command !== 'check')
    return { command: 'misused', reason: `there is no command ${command}` }
  if (more.length > 0) return { command: 'misused', reason: `${command} takes no ${more[0]}` }
  return { command, configFile }
}

/** The options and words of a command line, or what is wrong with it. */
const parse = (words: readonly string[]) => {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        config: { type: 'string', default: './claimcheck.yaml' },
        json: { type: 'boolean' },
        redis: { type: 'string' },
        provider: { type: 'string' },
        sub: { type: 'string' },
        sid: { type: 'string' },
        all: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
  } catch (error) {
    // Node goes on with advice for words that begin with a dash, of which there are none here.
    return String(error)
      .replace(/^.*?: /, '')
      .replace(/\.\s.*/s, '')
  }
}
