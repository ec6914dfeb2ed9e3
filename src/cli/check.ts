import { normalize } from 'node:path'
import { loadChecked } from '../process/load.ts'

export interface Output {
  out(line: string): void
  err(line: string): void
}

/**
 * `claimcheck check`: one line that says what a sound config is for, after what is worth a note.
 * Throws `SetupError` with every problem, one a line.
 */
export const check = (configFile: string, env: NodeJS.ProcessEnv, { out, err }: Output): void => {
  const { config, notes } = loadChecked(configFile, env)
  for (const note of notes) err(`note: ${note}`)
  const { publicUrl, listen, routes } = config
  const count = routes.length === 1 ? '1 route' : `${routes.length} routes`
  out(`${normalize(configFile)} is sound: ${count}, ${publicUrl} on ${listen}`)
}
