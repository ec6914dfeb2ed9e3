/** Where an answer goes: a ServerResponse, or a buffer that has the part of it that is used here. */
export interface Sink {
  readonly headersSent: boolean
  writeHead(status: number, statusText: string, headers: string[]): unknown
  flushHeaders(): void
  write(chunk: Buffer): boolean
  once(event: 'drain', listener: () => void): unknown
  end(): unknown
  destroy(): unknown
}
