/** One mistake of the operator. */
export interface Problem {
  /** Where it is: a JSON Pointer (RFC 6901) into the config; empty for the file as a whole. */
  readonly path: string
  /** What is wrong, in one line that goes on after `path: `. It never quotes a value, which may be a secret. */
  readonly message: string
}

export interface Place {
  /** Both from 1. */
  readonly line: number
  readonly column: number
}

export type PlacedProblem = Problem & Partial<Place>

/** The JSON Pointer of a chain of keys and indexes. */
export const pointer = (...keys: readonly (string | number)[]): string =>
  keys.map(key => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/** The keys of a JSON Pointer. */
export const keysOf = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))

/** True for a path that is `other`, or below it. */
export const isWithin = (path: string, other: string): boolean =>
  path === other || path.startsWith(`${other}/`)

/** Adds to each problem where in the file it is, and sorts them by that. */
export const place = (
  problems: readonly PlacedProblem[],
  locate: (path: string) => Place | undefined,
): PlacedProblem[] =>
  problems
    .map(problem =>
      problem.line === undefined ? { ...locate(problem.path), ...problem } : problem,
    )
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))

/** One line, as it is printed: `claimcheck.yaml:12:5 /routes/0/auth: must be session, optional or none`. */
export const formatProblem = (file: string, problem: PlacedProblem): string => {
  const at = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column}`
  return problem.path === ''
    ? `${at}: ${problem.message}`
    : `${at} ${problem.path}: ${problem.message}`
}
