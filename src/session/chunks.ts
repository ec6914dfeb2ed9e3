/** How many records one script touches at most, so that no step blocks Redis (10,000 in one took 44 ms). */
const chunkSize = 500

/** The list in pieces small enough for one step of Redis. */
export function* chunks<Item>(list: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < list.length; start += chunkSize) {
    yield list.slice(start, start + chunkSize)
  }
}
