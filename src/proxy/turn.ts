/** Something that holds back what it has written. */
export interface Held {
  /** Called once, at the end of the turn. */
  flush(): void
}

let held: Held[] = []

const end = (): void => {
  const now = held
  held = []
  for (const each of now) each.flush()
}

/**
 * Calls `flush` as soon as the event loop has seen to all that came in with its present turn. What many
 * requests write then goes out in one go: the kernel wakes a reader with the first of it and finds it
 * awake with the rest. Where one request is alone in its turn nothing waits for anything.
 */
export const flushAfterTurn = (each: Held): void => {
  if (held.push(each) === 1) setImmediate(end)
}
