// Metrics, their documentation, the alerts and the dashboard name the same things.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { type ErrorCode, problemOf } from '../src/errors.ts'
import { createWorkerMetrics } from '../src/metrics/workers.ts'
import { createMetrics } from '../src/metrics.ts'

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', name), 'utf8')

/** Name → labels. prom-client keeps these where its types do not show them. */
const { registry } = createMetrics()
createWorkerMetrics(registry, () => 0)
const metrics = new Map(
  registry
    .getMetricsAsArray()
    .map(metric => [
      metric.name,
      'labelNames' in metric && Array.isArray(metric.labelNames)
        ? metric.labelNames.map(String)
        : [],
    ]),
)
const ofProcess = /^claimcheck_(?:process|nodejs)_/
const own = [...metrics].filter(([name]) => !ofProcess.test(name))

const page = read('docs/operations.md')
const section = (title: string): string =>
  new RegExp(`^## ${title}\\n([^]*?)(?=^## |$(?![^]))`, 'm').exec(page)?.[1] ?? ''
const rowsOf = (title: string): string[][] =>
  section(title)
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.slice(2, -2).split(/ \| /))

t.test('the page lists every metric with its labels, and no other', t => {
  const documented = rowsOf('Metrics').map(([name = '', labels = '']) => [
    name.replaceAll('`', ''),
    Array.from(labels.matchAll(/`(\w+)`/g), ([, label]) => label),
  ])
  t.strictSame(documented.sort(), own.map(([name, labels]) => [name, labels]).sort())
  t.end()
})

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}
const { groups } = parse(read('examples/alerts.yaml')) as {
  groups: { name: string; rules: Rule[] }[]
}
const rules = groups.flatMap(group => group.rules)

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly targets?: { readonly expr: string }[]
}
const dashboard = JSON.parse(read('examples/grafana.json')) as {
  panels: Panel[]
  templating: { list: { name: string }[] }
}

/** Metrics in an expression with the labels and values that it asks for. */
const selectorsIn = (expr: string) =>
  Array.from(
    expr.matchAll(/\b(claimcheck_\w+)(?:\{([^}]*)\})?/g),
    ([, name = '', matchers = '']) => ({
      name,
      matchers: Array.from(
        matchers.matchAll(/(\w+)=~?"([^"]*)"/g),
        ([, label = '', values = '']) => ({
          label,
          values: values.split('|'),
        }),
      ),
    }),
  )

const known = (t: Test, expr: string): void => {
  t.equal(expr.split('(').length, expr.split(')').length, expr)
  for (const { name, matchers } of selectorsIn(expr)) {
    const base = name.replace(/_(?:bucket|sum|count)$/, '')
    const labels = metrics.get(name) ?? metrics.get(base)
    t.ok(labels, `${name} exists`)
    for (const { label, values } of matchers) {
      t.ok(label === 'instance' || labels?.includes(label), `${name} has a ${label}`)
      if (label !== 'code') continue
      for (const code of values) t.equal(problemOf(code as ErrorCode).code, code)
    }
  }
}
t.test('each alert asks for what there is, and is explained', t => {
  t.ok(rules.length > 10)
  for (const rule of rules) {
    t.match(rule.alert, /^Claimcheck[A-Z]\w+$/)
    t.match(rule.labels.severity, /^(?:critical|warning)$/)
    t.ok(rule.annotations.summary)
    if (rule.for !== undefined) t.match(rule.for, /^\d+[sm]$/)
    known(t, rule.expr)
    if (rule.alert !== 'ClaimcheckDown') t.ok(selectorsIn(rule.expr).length > 0)
  }
  t.strictSame(
    rowsOf('Alerts').map(([name = '']) => name.replaceAll('`', '')),
    rules.map(({ alert }) => alert),
  )
  t.end()
})

t.test('each panel of the dashboard shows what there is; every metric of ours is on it', t => {
  const expressions = dashboard.panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr),
  )
  t.ok(expressions.length > 20)
  for (const expr of expressions) known(t, expr)
  const ids = dashboard.panels.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length)
  const shown = new Set(
    expressions.flatMap(selectorsIn).map(({ name }) => name.replace(/_bucket$/, '')),
  )
  for (const [name] of own) t.ok(shown.has(name), `${name} is on the dashboard`)
  for (const [, variable] of JSON.stringify(dashboard).matchAll(/\$(?!__)(\w+)/g))
    t.ok(
      dashboard.templating.list.some(({ name }) => name === variable),
      `$${variable}`,
    )
  t.end()
})

t.test('the page has a row for each outage, and names tests that exist', t => {
  const outages = section('Outages')
  const shown = Array.from(outages.matchAll(/`(test\/[\w/-]+\.ts)`/g), ([, name = '']) => name)
  t.ok(shown.includes('test/system/outage.ts'))
  for (const name of shown) t.doesNotThrow(() => read(name), name)
  const alerts = rules.map(({ alert }) => alert)
  for (const [, alert = ''] of outages.matchAll(/`(Claimcheck\w+)`/g))
    t.ok(alerts.includes(alert), alert)
  t.end()
})

t.test('each promise names tests that exist', t => {
  const promises = read('docs/security.md')
    .split(/^\d\. \*\*/m)
    .slice(1)
  t.equal(promises.length, 5)
  for (const promise of promises) {
    const [text = ''] = promise.split('\n\n')
    const shown = Array.from(text.matchAll(/`(test\/[^`]+)`/g), ([, name = '']) => name)
    t.ok(shown.length > 0, text)
    for (const name of shown) t.doesNotThrow(() => read(name), name)
  }
  t.end()
})
