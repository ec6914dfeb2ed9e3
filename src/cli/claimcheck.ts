#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { SetupError } from '../errors.ts'
import { heapOptions } from '../process/heap.ts'
import { readArguments, usage } from './arguments.ts'

// Whoever reads may stop, as `head` does.
process.stdout.on('error', () => process.exit())

const out = (line: string): void => void process.stdout.write(`${line}\n`)
const err = (line: string): void => void process.stderr.write(`${line}\n`)

const version = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return JSON.parse(text).version
}

const run = async (words: readonly string[]): Promise<void> => {
  const given = readArguments(words)
  switch (given.command) {
    // Each command loads what it needs: an answer about usage must not wait for a web server.
    case 'serve': {
      for (const option of heapOptions) setFlagsFromString(option)
      const { serve } = await import('../process/serve.ts')
      return serve({ configFile: given.configFile, env: process.env })
    }
    case 'check': {
      const { check } = await import('./check.ts')
      return check(given.configFile, process.env, { out, err })
    }
    case 'explain': {
      const { explain } = await import('./explain.ts')
      return explain(given.configFile, process.env, given, { out, err })
    }
    case 'sessions': {
      const { sessions } = await import('./sessions.ts')
      process.exitCode = await sessions({ ...given, env: process.env }, { out, err })
      return
    }
    case 'help':
      return out(usage.trimEnd())
    case 'version':
      return out(version())
    case 'misused':
      err(`claimcheck: ${given.reason}\n\n${usage.trimEnd()}`)
      process.exitCode = 2
  }
}

try {
  await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  err(error.message)
  process.exitCode = 1
}
