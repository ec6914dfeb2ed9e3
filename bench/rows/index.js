import { apache } from './apache.js'
import { bareA, bareB } from './bare.js'
import { claimcheck, shipped, uncached } from './claimcheck.js'
import { direct } from './direct.js'
import { express } from './express.js'
import { httpProxy } from './http-proxy.js'
import { nginx } from './nginx.js'

export const rows = [
  direct,
  bareA,
  claimcheck,
  shipped,
  uncached,
  bareB,
  httpProxy,
  express,
  nginx,
  apache,
]
