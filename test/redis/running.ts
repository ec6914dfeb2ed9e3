import { join } from 'node:path'
import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import { startEmbedded } from '../../src/redis/embedded.ts'
import { findEmbedded } from '../../src/redis/running.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { shortDir } from '../fixtures/short-dir.ts'

t.test('the embedded Redis is found while it runs, and only then', async t => {
  const dataDir = join(await shortDir(t), 'data')
  const missing = findEmbedded(dataDir)
  await t.rejects(missing, SetupError)
  await t.rejects(missing, { message: /is not running: it runs as long as the gateway does$/ })
  const { url, close } = await startEmbedded({ dataDir, log: recordLog().log })
  t.teardown(close)
  t.equal(await findEmbedded(dataDir), url)
  await close()
  await t.rejects(findEmbedded(dataDir), { message: /is not running/ })
})

t.test('a folder that cannot be looked into is told from one where none runs', async t => {
  const folder = t.testdir({ file: '' })
  await t.rejects(findEmbedded(join(folder, 'file', 'data')), {
    message: /gateway runs as: ENOTDIR/,
  })
})
