import { access, constants } from 'node:fs/promises'
import { SetupError } from '../errors.ts'
import { lifeOf } from './identity.ts'
import { recallServer } from './orphan.ts'

/** The URL of the embedded Redis that a gateway runs on the data of `dataDir`. Throws `SetupError` where none runs. */
export const findEmbedded = async (dataDir: string): Promise<string> => {
  const reason = await access(dataDir, constants.R_OK | constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : error.message),
  )
  if (reason !== undefined) {
    throw new SetupError(
      `the embedded Redis can be used by the account that the gateway runs as: ${reason}`,
    )
  }
  const entry = await recallServer(dataDir)
  if (entry === undefined || (await lifeOf(entry.server)) === 'dead') {
    throw new SetupError(
      `the embedded Redis in ${dataDir} is not running: it runs as long as the gateway does`,
    )
  }
  return `unix://${entry.socket}`
}
