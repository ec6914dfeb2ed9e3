import { execFile } from 'node:child_process'
import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import { SetupError } from '../errors.ts'

const names = ['redis-server', 'valkey-server']
const oldestMajor = 7

/** By the tool that is there, what to type. */
const installers = {
  'apt-get': 'sudo apt-get install redis-server',
  dnf: 'sudo dnf install valkey',
  apk: 'sudo apk add redis',
  brew: 'brew install redis',
}
const elsewhere = 'see https://redis.io/docs/latest/operate/oss_and_stack/install/'

const isExecutable = async (file: string): Promise<boolean> => {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}

/** The absolute file names of `name` in the folders of a PATH. Relative folders are not searched. */
const onPath = async (name: string, path: string): Promise<string[]> => {
  const files = path
    .split(delimiter)
    .filter(isAbsolute)
    .map(folder => join(folder, name))
  const executable = await Promise.all(files.map(isExecutable))
  return files.filter((_, index) => executable[index])
}

const versionOf = async (file: string): Promise<string | undefined> => {
  try {
    const { stdout } = await promisify(execFile)(file, ['--version'], { timeout: 5000 })
    return /\bv=(\d+\.[\w.-]+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

const howToInstall = async (path: string): Promise<string> => {
  for (const [tool, line] of Object.entries(installers)) {
    if ((await onPath(tool, path)).length > 0) return line
  }
  return elsewhere
}

/**
 * The absolute file name of the first `redis-server` or `valkey-server` on a PATH that is version 7 or
 * later; `SetupError` with the line that installs one where there is none.
 */
export const findServer = async (path: string): Promise<string> => {
  const unfit: string[] = []
  for (const name of names) {
    for (const file of await onPath(name, path)) {
      const version = await versionOf(file)
      if (version !== undefined && Number.parseInt(version, 10) >= oldestMajor) return file
      unfit.push(`${file} is ${version === undefined ? 'not one' : `version ${version}`}`)
    }
  }
  const found = unfit.length > 0 ? ` (${unfit.join(', ')})` : ''
  throw new SetupError(
    `The embedded Redis needs redis-server or valkey-server, version ${oldestMajor} or later, on the PATH${found}. ` +
      `To install it: ${await howToInstall(path)}. Or set redis.url to a Redis that runs`,
  )
}
