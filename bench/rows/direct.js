export const direct = {
  id: 'direct',
  title: 'upstream, no gateway',
  how: 'The load generator talks to the upstream; the CPU time is the upstream’s own.',
  // It outlives its row: the parts that follow need it.
  start: async ({ upstream: { port, pid, output } }) => ({ port, pid, output, cookies: [] }),
}
