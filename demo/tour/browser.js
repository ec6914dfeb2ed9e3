// What a browser does without a page: it keeps cookies by host, says where a request comes from, and
// remembers everything that it was given.
import { once } from 'node:events'
import { request } from 'node:http'

const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const script = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }

export const createBrowser = url => {
  /** Cookies by port, because all hosts of the demo are this machine. */
  const jars = new Map()
  /** All headers and bodies that arrived. */
  let received = ''

  const jarOf = ({ port }) => {
    if (!jars.has(port)) jars.set(port, new Map())
    return jars.get(port)
  }
  const keep = (jar, line) => {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
  const cookieFor = target => Array.from(jarOf(target), pair => pair.join('=')).join('; ')

  /** Resolves with the answer's head; its body is still to come. */
  const open = async (method, path, { body, type, ...headers } = {}) => {
    const target = new URL(path, url)
    const cookie = cookieFor(target)
    const req = request(target, {
      method,
      headers: {
        ...(cookie !== '' && { cookie }),
        ...(body !== undefined && { 'content-type': type ?? 'application/json' }),
        ...headers,
      },
    })
    req.end(body)
    const [res] = await once(req, 'response')
    const set = res.headers['set-cookie'] ?? []
    for (const line of set) keep(jarOf(target), line)
    received += JSON.stringify(res.rawHeaders)
    return { target, res, set, status: res.statusCode, location: res.headers.location }
  }
  const whole = async answer => {
    let text = ''
    for await (const chunk of answer.res.setEncoding('utf8')) text += chunk
    received += text
    return { ...answer, text }
  }

  /** A `fetch` of the page's own. */
  const ask = async (method, path, body) => {
    const own = { ...script, origin: url, 'sec-fetch-site': 'same-origin' }
    return whole(await open(method, path, { ...own, ...(body && { body: JSON.stringify(body) }) }))
  }
  /** What the address bar, a link (`site` says from where) or a form does. */
  const visit = async (path, { site = 'none', form } = {}) => {
    const asForm = { body: String(form), type: 'application/x-www-form-urlencoded' }
    return whole(
      await open(form ? 'POST' : 'GET', path, {
        ...{ ...navigation, accept: 'text/html', 'sec-fetch-site': site },
        ...(form && asForm),
      }),
    )
  }
  const stream = path => open('GET', path, { ...script, 'sec-fetch-site': 'same-origin' })

  return {
    ...{ ask, visit, stream, cookieFor: () => cookieFor(new URL(url)) },
    ticket: () => jarOf(new URL(url)).get('__Host-Http-session'),
    received: () => received,
  }
}
