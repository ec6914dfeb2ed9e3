import { readdirSync, readFileSync } from 'node:fs'

const milliseconds = 10 // a tick of /proc/<pid>/stat: USER_HZ is 100 wherever Linux runs Node

const read = file => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // gone between the listing and the reading
  }
}

/** Parent, and the ticks of its own and of its reaped children, of every process. */
const processes = () => {
  const found = new Map()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const stat = read(`/proc/${pid}/stat`)
    if (stat === '') continue
    // The second field is the program's name in parentheses, which may itself hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number)
    found.set(pid, { parent: Number(fields[1]), own: utime + stime, reaped: cutime + cstime })
  }
  return found
}

/** `root` and every process below it. */
export const treeOf = (root, all = processes()) => {
  const tree = [root]
  for (const pid of tree) {
    for (const [child, { parent }] of all) if (parent === pid) tree.push(child)
  }
  return tree
}

/** Nanoseconds of the live threads; the ticks of `stat` are too coarse for what a Redis uses in a second. */
const threads = pid => {
  let sum = 0
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
    }
  } catch {
    return 0
  }
  return sum
}

/**
 * CPU time, user and system, that the tree of processes under `root` has used so far, in
 * milliseconds, children that have ended included. Only differences mean something.
 */
export const cpuTime = root => {
  const all = processes()
  let sum = 0
  for (const pid of treeOf(root, all)) {
    const process = all.get(pid)
    if (process === undefined) continue
    const fine = threads(pid) / 1e6
    sum += (fine > 0 ? fine : process.own * milliseconds) + process.reaped * milliseconds
  }
  return sum
}

const kilobytes = (pid, name) =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0,
  )

/** Memory of the tree in bytes, pages that several processes share counted once. */
export const memory = root =>
  treeOf(root).reduce((sum, pid) => sum + kilobytes(pid, 'Pss') * 1024, 0)
