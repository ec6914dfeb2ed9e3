/** Where an answer goes: a ServerResponse, or a buffer that has the part of it that is used here. */
export interface Sink {
  readonly headersSent: boolean
  /** The client's connection: between `cork` and `uncork` or `end` it holds back what is written. */
  readonly socket: { readonly destroyed: boolean; cork(): void; uncork(): void } | null
  writeHead(status: number, statusText: string, headers: string[]): unknown
  flushHeaders(): void
  write(chunk: Buffer): boolean
  once(event: 'drain', listener: () => void): unknown
  end(): unknown
  destroy(): unknown
}
