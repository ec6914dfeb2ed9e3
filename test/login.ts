import { join } from 'node:path'
import { together } from './fixtures/together.ts'

await together(join(import.meta.dirname, 'login'))
