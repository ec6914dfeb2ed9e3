import { createServer } from 'node:http'
import type { Config } from '../config/schema.ts'
import { type AdminParts, createAdmin } from '../http/admin.ts'
import { listen } from '../http/listen.ts'

export interface AdminSideParts extends Omit<AdminParts, 'sessions'> {
  /** What session management needs beside the token. */
  readonly sessions: Omit<NonNullable<AdminParts['sessions']>, 'token'>
}

export type AdminSide = Awaited<ReturnType<typeof openAdminSide>>

/** What operators talk to: one listener, whose answers a reload exchanges as a whole. */
export const openAdminSide = async (config: Config, { sessions, ...parts }: AdminSideParts) => {
  const make = async ({ admin: { token } }: Config) => {
    const app = createAdmin({
      ...parts,
      sessions: token === undefined ? undefined : { ...sessions, token },
    })
    await app.ready()
    return app
  }
  let app = await make(config)
  const server = createServer((req, res) => app.routing(req, res))

  return {
    listen: (address: string): Promise<string> => listen(server, address),
    /** Makes the answers of another config ready; the function it gives puts them in place. */
    prepare: async (next: Config): Promise<() => void> => {
      const made = await make(next)
      return () => {
        app = made
      }
    },
    close: (): Promise<void> =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
