const at = id => document.getElementById(id)
const show = (id, text) => {
  at(id).textContent = text
}

/** Everything a script could steal. */
const look = () => {
  const stored = store => (store.length === 0 ? '(nothing)' : JSON.stringify(store))
  show('cookie', document.cookie === '' ? '(nothing)' : document.cookie)
  show('local', stored(localStorage))
  show('session-storage', stored(sessionStorage))
}

/** Says who is logged in, which is all that a page may know. */
const greet = async () => {
  const response = await fetch('/auth/session')
  const { user } = await response.json()
  show('who', response.ok ? `Logged in as ${user.name}.` : 'Nobody is logged in.')
}

const ask = async (method, path, body) => {
  const options = { method }
  if (body !== undefined) {
    options.headers = { 'content-type': 'application/json' }
    options.body = JSON.stringify(body)
  }
  const response = await fetch(path, options)
  const text = await response.text()
  show('answer', `${method} ${path}\n${response.status}\n${text}`)
  look()
  return text
}

at('login').addEventListener('submit', async event => {
  event.preventDefault()
  const fields = Object.fromEntries(new FormData(event.target))
  show('login-answer', await ask('POST', '/api/login', fields))
  await greet()
})
at('orders').addEventListener('click', () => ask('GET', '/api/orders'))
at('session').addEventListener('click', () => ask('GET', '/auth/session'))

at('open-events').addEventListener('click', () => {
  const events = new EventSource('/api/events')
  events.addEventListener('message', ({ data }) => show('events', data))
  // It would connect again by itself, to a 401.
  events.addEventListener('error', () => {
    events.close()
    show('events', 'ended')
  })
})
at('open-socket').addEventListener('click', () => {
  const socket = new WebSocket('/api/live')
  socket.addEventListener('message', ({ data }) => show('socket', data))
  socket.addEventListener('close', ({ code }) => show('socket', `ended with ${code}`))
})

look()
await greet()
