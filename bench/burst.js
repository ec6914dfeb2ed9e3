import { openConnection } from './connection.js'

export const atOnce = 32

/** Sends `count` requests over `atOnce` connections; `each(i, status, head, milliseconds)` for every answer. */
export const send = async (port, count, requestAt, each) => {
  let next = 0
  const lane = () =>
    new Promise(resolve => {
      let index = 0
      let since = 0
      const step = () => {
        if (next === count) {
          connection.close()
          return resolve()
        }
        index = next++
        since = performance.now()
        connection.send(requestAt(index))
      }
      const connection = openConnection(port, (status, head) => {
        each(index, status, head, performance.now() - since)
        step()
      })
      step()
    })
  await Promise.all(Array.from({ length: atOnce }, lane))
}
