import { summary } from './judge.js'

const lineHeight = 34
const left = 210
const top = 58
const panel = 400
const gap = 70
const colours = {
  gateway: '#3b6ea5',
  own: '#c8553d',
  redis: '#e3b23c',
  p50: '#3b6ea5',
  p99: '#9aa7b5',
}

const plain = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
const label = (x, y, content, rest = '') =>
  `<text x="${x}" y="${y}" ${rest}>${plain(content)}</text>`
const bar = (x, y, width, height, fill) =>
  `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(width, 0.5).toFixed(1)}" height="${height}" fill="${fill}"/>`

const cpuBars = (rows, x, scale) =>
  rows.flatMap(({ cpu, redisCpu, own }, i) => {
    const y = top + i * lineHeight
    const end = x + (cpu + redisCpu) * scale
    const redis =
      redisCpu < 0.5 ? [] : [bar(x + cpu * scale, y, redisCpu * scale, 20, colours.redis)]
    return [
      bar(x, y, cpu * scale, 20, own ? colours.own : colours.gateway),
      ...redis,
      label((end + 6).toFixed(1), y + 15, `${(cpu + redisCpu).toFixed(0)} µs`),
    ]
  })

const latencyBars = (rows, x, scale) =>
  rows.flatMap(({ p50, p99 }, i) => {
    const y = top + i * lineHeight
    return [
      bar(x, y + 5, p99 * scale, 10, colours.p99),
      bar(x, y, p50 * scale, 20, colours.p50),
      label((x + p99 * scale + 6).toFixed(1), y + 15, `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`),
    ]
  })

/** An SVG of the 1 KB rows: CPU time per request with Redis's share, and median and p99 latency. */
export const drawChart = ({ rows, samples, machine }) => {
  const figures = rows.map(({ id, title }) => ({
    id,
    title,
    own: ['claimcheck', 'shipped', 'uncached'].includes(id),
    ...summary(samples['1k'][id]),
  }))
  const right = left + panel + gap
  const height = top + figures.length * lineHeight + 44
  const width = right + panel + 40
  const room = panel - 60
  const cpuScale = room / Math.max(...figures.map(({ cpu, redisCpu }) => cpu + redisCpu))
  const latencyScale = (room - 40) / Math.max(...figures.map(({ p99 }) => p99))
  const foot = top + figures.length * lineHeight + 16
  const legend = [
    bar(left, foot, 12, 12, colours.own),
    label(left + 18, foot + 11, 'claimcheck'),
    bar(left + 110, foot, 12, 12, colours.gateway),
    label(left + 128, foot + 11, 'others'),
    bar(left + 190, foot, 12, 12, colours.redis),
    label(left + 208, foot + 11, 'Redis'),
    bar(right, foot, 12, 12, colours.p50),
    label(right + 18, foot + 11, 'median'),
    bar(right + 90, foot, 12, 12, colours.p99),
    label(right + 108, foot + 11, 'p99'),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">
<title>CPU time per request and latency, 1 KB of JSON at 64 connections, ${machine.date}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${label(left, 24, 'CPU time per request', 'font-size="16" font-weight="600"')}
${label(left, 42, '1 KB of JSON, 64 connections, Redis included', 'fill="#666"')}
${label(right, 24, 'Latency under saturation', 'font-size="16" font-weight="600"')}
${label(right, 42, 'median and p99', 'fill="#666"')}
${figures.map(({ title }, i) => label(left - 10, top + i * lineHeight + 15, title, 'text-anchor="end"')).join('\n')}
${cpuBars(figures, left, cpuScale).join('\n')}
${latencyBars(figures, right, latencyScale).join('\n')}
${legend.join('\n')}
</svg>
`
}
