import os from 'node:os'
import { parseArgs } from 'node:util'
import * as measures from './measures.ts'
import { nodes } from './nodes.ts'
import { scale } from './scale.ts'
import { scheduler } from './scheduler.ts'
import { ui } from './ui.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string' },
    pods: { type: 'string' },
    requests: { type: 'string', default: '4000' },
    replicas: { type: 'string' },
  },
})
const size: measures.Size = {
  pods: Number(values.pods ?? 10_000),
  requests: Number(values.requests),
  replicas: Number(values.replicas ?? 1000),
}
const all = {
  startup: measures.startup,
  requests: measures.requests,
  lists: measures.lists,
  watches: measures.watches,
  deployment: measures.deployment,
  scheduler,
  ui,
}
/** Those that take minutes are asked for by name. */
const long = {
  nodes,
  scale: () =>
    scale({
      nodes: Number(values.nodes ?? 5000),
      pods: Number(values.pods ?? 150_000),
      replicas: Number(values.replicas ?? 10_000),
    }),
}
const named = { ...all, ...long }
const wanted = positionals.length ? positionals : Object.keys(all)
const unknown = wanted.find((name) => !Object.hasOwn(named, name))
if (unknown) {
  console.error(`There is no measure ${unknown}. Measures: ${Object.keys(named).join(', ')}.`)
  process.exit(2)
}
console.log(`Node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model.trim()}, client on the same machine`)
for (const name of wanted) await named[name as keyof typeof named](size)
