import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeJsonSchema } from './json-schema.ts'
import { writeReference } from './reference.ts'
import { ConfigSchema } from './schema.ts'

/** Writes the reference page and the JSON Schema of the config into a folder: what `npm run docs` does. */
export const writeDocs = (folder: string): void => {
  writeFileSync(join(folder, 'config.md'), writeReference(ConfigSchema))
  writeFileSync(join(folder, 'claimcheck.schema.json'), writeJsonSchema(ConfigSchema))
}
