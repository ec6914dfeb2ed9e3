import { randomUUID } from 'node:crypto'
import { link, open, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { SetupError } from '../errors.ts'
import { type Identity, identityOf, lifeOf, parseIdentity } from './identity.ts'

export interface Lock {
  release(): Promise<void>
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const numbersIn = async (folder: string): Promise<number[]> =>
  (await readdir(folder)).flatMap(name => Number(/^lock\.([1-9]\d*)$/.exec(name)?.[1] ?? []))

const newest = async (folder: string): Promise<number> => Math.max(0, ...(await numbersIn(folder)))

/** Throws `SetupError` unless whoever holds this lock has let go of it or is dead. */
const assertFree = async (folder: string, file: string): Promise<void> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    // Whoever made a newer one removed it.
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  })
  if (text === '') return
  const owner = parseIdentity(text)
  if (owner === undefined) {
    throw new SetupError(`${file} is not a lock: remove it if no gateway uses ${folder}`)
  }
  const life = await lifeOf(owner)
  if (life === 'dead') return
  throw new SetupError(
    life === 'alive'
      ? `${folder} is in use by another gateway, process ${owner.pid}: stop it, or give this one a redis.dataDir of its own`
      : `${folder} was taken by a gateway in another container: make sure that it is gone, then remove ${file}`,
  )
}

const writeDraft = async (file: string, owner: Identity): Promise<void> => {
  const draft = await open(file, 'wx', 0o600)
  try {
    await draft.writeFile(JSON.stringify(owner))
    // So that a power cut cannot leave a lock without an owner.
    await draft.sync()
  } finally {
    await draft.close()
  }
}

/** Makes the lock after the newest one that is free, and returns its number. */
const take = async (folder: string, draft: string): Promise<number> => {
  for (;;) {
    const last = await newest(folder)
    if (last > 0) await assertFree(folder, join(folder, `lock.${last}`))
    const number = last + 1
    try {
      await link(draft, join(folder, `lock.${number}`))
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue
      throw error
    }
    if ((await newest(folder)) === number) return number
    // Others were here while this process slept between looking and taking.
    await rm(join(folder, `lock.${number}`), { force: true })
  }
}

const makeLock = async (folder: string, owner: Identity): Promise<number> => {
  const draft = join(folder, `draft.${randomUUID()}`)
  try {
    await writeDraft(draft, owner)
    const number = await take(folder, draft)
    for (const older of await numbersIn(folder)) {
      if (older < number) await rm(join(folder, `lock.${older}`), { force: true })
    }
    return number
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * Takes a folder for this process, or throws `SetupError` naming the process that has it. What a dead
 * process had is free.
 *
 * The holder is the living owner of `lock.<n>` with the highest n. A lock is made whole, by link(2), and
 * only after the one below it was found free; the highest is never removed, so its number is never used
 * again. Two that both find the same owner dead therefore cannot both take its place, which they could
 * if a dead lock were removed or renamed.
 */
export const acquireLock = async (folder: string): Promise<Lock> => {
  const owner = await identityOf(process.pid)
  if (owner === undefined)
    throw new SetupError('this process cannot find itself among the processes')
  const number = await makeLock(folder, owner).catch((cause: unknown) => {
    if (cause instanceof SetupError || !(cause instanceof Error)) throw cause
    throw new SetupError(`${folder} cannot be locked: ${cause.message}`, { cause })
  })
  return {
    release: () => truncate(join(folder, `lock.${number}`)).catch(() => undefined),
  }
}
