// Walks through the demo over HTTP and Redis as they are. Each step prints what happened and asserts it.
import { tourOfCapture } from './tour/captured.js'
import { tourOfOpenId } from './tour/openid.js'
import { createWalk } from './tour/walk.js'

export const tour = async stack => {
  const walk = createWalk(stack)
  await tourOfCapture(stack, walk)
  await tourOfOpenId(stack, walk)
  walk.print(`\nAll ${walk.steps()} steps happened as printed.`)
}
