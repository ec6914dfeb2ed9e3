import { fileURLToPath } from 'node:url'

/** The load generator's process; `run(job)` gives the result that `load.js` describes. One job at a time. */
export const startGenerator = async lab => {
  const args = [fileURLToPath(new URL('./load.js', import.meta.url))]
  const { child, pid } = await lab.run({ name: 'load', args })
  let settle
  child.on('message', result => settle?.resolve(result))
  child.on('exit', () => settle?.reject(new Error('the load generator ended')))
  const run = job =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject }
      child.send(job)
    })
  return { pid, run }
}
