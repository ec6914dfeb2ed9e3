import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { SetupError } from '../errors.ts'
import type { Compiled } from '../gateway.ts'
import { compile as compileCaptures } from '../login/capture-plan.ts'
import { compile as compileOidc } from '../login/oidc-plan.ts'
import { compile as compileProxy } from '../proxy/plan.ts'

export interface Checked extends Compiled {
  /** What is worth a word, one line each. */
  readonly notes: readonly string[]
}

const compileAll = (config: Config) => {
  const proxy = compileProxy(config)
  const captures = compileCaptures(config)
  const oidc = compileOidc(config)
  return {
    ...{ proxy, captures, oidc },
    problems: [...proxy.problems, ...captures.problems, ...oidc.problems],
  }
}

/** What the parts make of a config that `loadChecked` found without problems. */
export const compileChecked = (config: Config): Compiled => {
  const { proxy, captures, oidc } = compileAll(config)
  return { config, plan: proxy.plan, captures: captures.plan, oidc: oidc.plan }
}

/**
 * Reads a config file and works out everything that depends on it alone: what `check`, the start and
 * a reload have in common. Throws `SetupError` with every problem, one a line.
 */
export const loadChecked = (file: string, env: NodeJS.ProcessEnv): Checked => {
  const loaded = loadConfig(file, env, [compileAll])
  if (loaded.kind === 'problems') throw new SetupError(loaded.lines.join('\n'))
  return { ...compileChecked(loaded.config), notes: loaded.notes }
}
