import { fileURLToPath } from 'node:url'
import { freePort } from '../lab.js'

/** Starts `servers/<name>.js` on a free port, which is its first argument; the others follow. */
export const startServer = async (lab, name, ...args) => {
  const port = await freePort()
  const file = fileURLToPath(new URL(`../servers/${name}.js`, import.meta.url))
  return lab.run({ name, args: [file, String(port), ...args.map(String)], port })
}
