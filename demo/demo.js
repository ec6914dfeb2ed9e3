// npm run demo              starts everything, prints URLs and commands to try, and stays
// npm run demo -- --tour    walks through it by itself, asserts each step, and exits

import { once } from 'node:events'
import { startStack } from './stack.js'
import { tour } from './tour.js'

const invitation = ({ url, admin, file, socket }) => `
Open ${url} and log in as alice (password: wonderland), with the API or with the provider.

Or with curl:
  curl -c jar -H 'content-type: application/json' -d '{"user":"alice","password":"wonderland"}' ${url}/api/login
  curl -b jar ${url}/api/orders
  curl -b jar ${url}/auth/session

End sessions in Redis, by hand:
  redis-cli -s ${socket} --scan
  redis-cli -s ${socket} DEL claimcheck:user:api:alice
  redis-cli -s ${socket} DEL claimcheck:user:oidc:alice

Look at it:
  ${url}/auth/devices
  ${admin}/metrics
  ${file}

Ctrl-C ends everything.
`

const main = async () => {
  const stack = await startStack()
  let code = 0
  try {
    if (process.argv.includes('--tour')) {
      await tour(stack)
    } else {
      process.stdout.write(invitation(stack))
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
    }
  } catch (error) {
    process.stderr.write(`\nThe tour failed: ${error.stack}\n`)
    code = 1
  } finally {
    await stack.stop()
  }
  process.exitCode = code
}

await main()
