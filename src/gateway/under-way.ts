/** Counts what is under way, and says when nothing is. */
export const createUnderWay = () => {
  let count = 0
  const waiting: (() => void)[] = []
  return {
    begin: (): void => void count++,
    end: (): void => {
      if (--count > 0) return
      for (const resolve of waiting.splice(0)) resolve()
    },
    /** Resolves when as much has ended as began. */
    idle: (): Promise<void> =>
      new Promise(resolve => {
        if (count === 0) resolve()
        else waiting.push(resolve)
      }),
  }
}
