import { mkdir, mkdtemp, realpath, rm, rmdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { SetupError } from '../errors.ts'
import type { Log } from '../log.ts'

/** Bytes; the least that a system allows is 104, with the zero at the end (unix(4) of macOS). */
const longestSocketPath = 100

/**
 * Makes the folder with mode 0700 where there is none, and returns its real path. Throws `SetupError` for
 * a folder that anybody else can write to: they could put a database of their own there.
 */
export const prepareDataDir = async (folder: string, log: Log): Promise<string> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const path = await realpath(folder)
    const { uid, mode } = await stat(path)
    if (uid !== process.geteuid?.()) {
      throw new SetupError(`redis.dataDir: ${path} belongs to another user (${uid})`)
    }
    if ((mode & 0o022) !== 0) {
      throw new SetupError(
        `redis.dataDir: others can write to ${path}; to end that: chmod go-w ${path}`,
      )
    }
    if ((mode & 0o055) !== 0) log.warn({ dataDir: path }, 'others can read the embedded Redis')
    return path
  } catch (cause) {
    if (cause instanceof SetupError || !(cause instanceof Error)) throw cause
    throw new SetupError(`redis.dataDir: ${cause.message}`, { cause })
  }
}

const temporary = join(tmpdir(), 'claimcheck-')

/** The path for the socket of the server in `folder`: there, or in a private temporary folder if that is too long for a socket. */
export const placeSocket = async (folder: string, log: Log): Promise<string> => {
  const path = join(folder, 'redis.sock')
  if (Buffer.byteLength(path) <= longestSocketPath) return path
  const socket = join(await mkdtemp(temporary), 'redis.sock')
  log.info({ socket }, 'the path of redis.dataDir is too long for a socket; it is here')
  return socket
}

/** Removes a socket that no server has any more, and the temporary folder if it was in one. */
export const discardSocket = async (path: string): Promise<void> => {
  await rm(path, { force: true })
  // Never more than an empty folder.
  if (path.startsWith(temporary)) await rmdir(dirname(path)).catch(() => undefined)
}
