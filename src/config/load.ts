import { dirname, normalize, resolve } from 'node:path'
import { parseConfig } from './document.ts'
import { mend } from './draft.ts'
import { readText } from './files.ts'
import { notes } from './notes.ts'
import { formatProblem, type PlacedProblem, type Problem, place } from './problem.ts'
import { rules } from './rules.ts'
import { type Config, ConfigSchema } from './schema.ts'
import { settle } from './settle.ts'
import { type Surroundings, substitute } from './substitute.ts'
import { validate } from './validate.ts'

export type Loaded =
  | {
      readonly kind: 'config'
      readonly config: Config
      /** What is worth a word, one line each. */
      readonly notes: readonly string[]
    }
  | {
      readonly kind: 'problems'
      /** One line each, in the order of the file: `claimcheck.yaml:12:5 /routes/0/auth: must be …`. */
      readonly lines: readonly string[]
    }

/** What a part of the gateway finds wrong when it makes its plan. It is also asked about configs that break rules, and never throws. */
export type Compile = (config: Config) => { readonly problems: readonly Problem[] }

/** Reads, checks and completes a config file. All problems are found at once, those of `parts` included. */
export const loadConfig = (
  file: string,
  env: Surroundings['env'],
  parts: readonly Compile[] = [],
): Loaded => {
  const name = normalize(file)
  const source = readText(file)
  if (source.kind === 'unreadable')
    return { kind: 'problems', lines: [`${name}: cannot be read: ${source.reason}`] }

  const document = parseConfig(source.text)
  const lines = (problems: readonly PlacedProblem[]): string[] =>
    place(problems, document.locate).map(problem => formatProblem(name, problem))

  const surroundings = { env, folder: dirname(resolve(file)) }
  const unfilled = substitute(document, ConfigSchema, surroundings)
  const value = document.toJSON()
  if (value === undefined) return { kind: 'problems', lines: lines(document.problems) }

  const checked = validate(value)
  const refused = checked.kind === 'refused' ? checked.problems : []
  const flaws = [
    ...unfilled,
    ...refused.filter(({ path }) => !unfilled.some(other => other.path === path)),
  ]
  const draft = mend(value, flaws)
  const whole = validate(draft.value)
  if (whole.kind === 'refused')
    return { kind: 'problems', lines: lines([...document.problems, ...flaws]) }

  const { config } = whole
  const between = [
    ...settle(config, surroundings),
    ...rules(config),
    ...parts.flatMap(compile => compile(config).problems),
  ].filter(problem => !draft.isDoubtful(problem))
  const problems = [...document.problems, ...flaws, ...between]
  return problems.length > 0
    ? { kind: 'problems', lines: lines(problems) }
    : { kind: 'config', config, notes: lines(notes(config)) }
}
