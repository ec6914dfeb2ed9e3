// Lets Node run the tests as they are: strips the types, and keeps the outcome by the text it was made of, so that
// a hundred processes do not each load the compiler.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread, threadId } from 'node:worker_threads'

const kept = fileURLToPath(new URL('../node_modules/.cache/claimcheck-test/', import.meta.url))

const strip = async (text, fileName) => {
  const { default: ts } = await import('typescript')
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
    inlineSources: true,
  }
  return ts.transpileModule(text, { fileName, compilerOptions }).outputText
}

const readOrMake = async fileName => {
  const text = await readFile(fileName, 'utf8')
  const file = `${kept}${createHash('sha256').update(fileName).update(text).digest('hex')}.js`
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found !== undefined) return found
  const made = await strip(text, fileName)
  await mkdir(kept, { recursive: true })
  await writeFile(`${file}.${process.pid}.${threadId}`, made)
  await rename(`${file}.${process.pid}.${threadId}`, file)
  return made
}

/** Node's hook for loading a module. */
export const load = async (url, context, next) => {
  const { protocol, pathname } = new URL(url)
  if (protocol !== 'file:' || !pathname.endsWith('.ts')) return next(url, context)
  const source = await readOrMake(fileURLToPath(url))
  return { format: 'module', source, shortCircuit: true }
}

if (isMainThread) register(import.meta.url)
