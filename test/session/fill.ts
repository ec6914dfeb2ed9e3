import fc from 'fast-check'
import t from 'tap'
import { createSmallWorld, type Happening } from '../fixtures/small-world.ts'

t.test(
  'whatever overtakes whatever, memory never outlives Redis and nobody is refused',
  async t => {
    const happening = fc.oneof(
      { weight: 5, arbitrary: fc.constant<Happening>('read') },
      { weight: 5, arbitrary: fc.constantFrom<Happening>('touch', 'replace', 'other login') },
      { weight: 2, arbitrary: fc.constantFrom<Happening>('delete', 'unlist') },
      { weight: 2, arbitrary: fc.constantFrom<Happening>('flush', 'down', 'up') },
    )
    const story = fc.array(happening, { minLength: 2, maxLength: 14 })
    let kept = 0
    const play = async (s: fc.Scheduler, warm: boolean, happenings: readonly Happening[]) => {
      const world = createSmallWorld(label => s.schedule(Promise.resolve(), label))
      if (warm) {
        await s.waitFor(Promise.resolve(world.act.read()))
      }
      // Nothing is waited for: whatever comes next may overtake it.
      const builder = (label: Happening) => async () => void world.act[label]()
      const told = s.scheduleSequence(happenings.map(label => ({ label, builder: builder(label) })))
      await s.waitFor(told.task)
      await s.waitIdle()
      world.check()
      if (world.kept()) kept++
      if (world.failures.length > 0) throw new Error(world.failures.join(', '))
    }
    await fc.assert(fc.asyncProperty(fc.scheduler(), fc.boolean(), story, play), { numRuns: 500 })
    t.ok(kept > 30, `${kept} times something was in memory at the end`)
  },
)

/** A small world whose hops are made one by one, by name. */
const createSlowWorld = (busy?: () => boolean) => {
  const waiting: { label: string; go: () => void }[] = []
  const world = createSmallWorld(
    label => new Promise(go => void waiting.push({ label, go: () => go() })),
    busy,
  )
  const settle = () => new Promise(resolve => setImmediate(resolve))
  /** The first waiting hop with that name, and whatever follows without a hop. */
  const hop = async (...labels: string[]) => {
    for (const label of labels) {
      await settle()
      const index = waiting.findIndex(one => one.label.endsWith(label))
      const [first] = waiting.splice(index, 1)
      if (index < 0 || first === undefined) {
        throw new Error(`${label} is not among ${waiting.map(one => one.label)}`)
      }
      first.go()
    }
    await settle()
  }
  const all = async () => {
    for (await settle(); waiting.length > 0; await settle()) waiting.shift()?.go()
  }
  return { ...world, hop, all }
}
const warmWorld = async (busy?: () => boolean) => {
  const world = createSlowWorld(busy)
  void world.act.read()
  await world.all()
  return world
}

type SlowWorld = ReturnType<typeof createSlowWorld>
const touch = async ({ act, hop }: SlowWorld) => {
  act.touch()
  await hop('announced')
}
const blink = async ({ act }: SlowWorld) => {
  act.down()
  act.up()
}
const endings: { name: string; before: typeof touch; end: typeof touch }[] = [
  {
    name: 'a bare DEL of the record',
    before: touch,
    end: async ({ act, hop }) => {
      act.delete()
      await hop('announced')
    },
  },
  {
    name: 'a bare DEL of the user key',
    before: touch,
    end: async ({ act, hop }) => {
      act.unlist()
      await hop('announced')
    },
  },
  {
    name: 'a flush',
    before: blink,
    end: async ({ act, hop }) => {
      act.flush()
      await hop('announced')
    },
  },
  {
    name: 'an outage',
    before: blink,
    end: async ({ act }) => {
      act.down()
      act.delete()
      act.up()
    },
  },
]
for (const { name, before, end } of endings) {
  t.test(
    `after ${name} nobody joins an answer from before, not even one that is served`,
    async t => {
      const world = createSlowWorld()
      const { act, hop, all, failures, kept } = world
      const first = act.read()
      await hop('record sent', 'record answered', 'listing sent')
      for (let overtaken = 0; overtaken < 2; overtaken++) {
        await before(world)
        await hop('listing answered', 'record sent', 'record answered', 'listing sent')
      }
      await end(world)
      const second = act.read()
      await all()
      await Promise.all([first, second])
      t.same(failures, [])
      t.notOk(kept())
    },
  )
}

t.test('a change that overtakes the answer to the one before is not lost', async t => {
  const { act, hop, all, check, failures, kept } = await warmWorld()
  act.touch()
  await hop('announced', 'life sent')
  act.delete()
  await hop('announced', 'life answered')
  await all()
  check()
  t.same(failures, [])
  t.notOk(kept())
})

t.test('what was read while the link was down is not believed when it is up', async t => {
  const { act, hop, all, failures, check } = await warmWorld()
  act.touch()
  await hop('announced', 'life sent')
  const joined = act.read()
  act.down()
  await hop('life answered', 'record sent', 'record answered', 'listing sent')
  act.delete()
  await hop('listing answered')
  await joined
  act.up()
  await all()
  check()
  t.same(failures, [])
})

t.test('a session that is found gone after a flush is not buried', async t => {
  const { act, hop, all, failures, buried } = await warmWorld()
  act.touch()
  await hop('announced')
  act.flush()
  await hop('flush announced')
  await all()
  t.notOk(buried())
  t.same(failures, [])
})

t.test('in a crowd a changed session is forgotten, not asked after', async t => {
  const { act, hop, all, failures, kept } = await warmWorld(() => true)
  act.touch()
  await hop('announced')
  await t.rejects(hop('life sent'), { message: 'life sent is not among ' })
  t.notOk(kept())
  const read = act.read()
  await all()
  await read
  t.ok(kept())
  t.same(failures, [])
})
