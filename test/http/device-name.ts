import t from 'tap'
import { deviceName } from '../../src/http/device-name.ts'

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'

t.test('a browser is told by what it alone says of itself', t => {
  const agents: Record<string, string | undefined> = {
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/140.0.0.0 Safari/537.36`]: 'Chrome on Linux',
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} HeadlessChrome/140.0.0.0 Safari/537.36`]:
      'Chrome on Linux',
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`]:
      'Edge on Windows',
    [`Mozilla/5.0 (Linux; Android 10; K) ${webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`]:
      'Samsung Internet on Android',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0':
      'Firefox on macOS',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1':
      'Safari on iPhone',
    'Firefox/1': 'Firefox',
    'curl/8.5.0': undefined,
    '': undefined,
  }
  for (const [agent, name] of Object.entries(agents)) t.equal(deviceName(agent), name, agent)
  t.end()
})
