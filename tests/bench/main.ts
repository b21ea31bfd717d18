import os from 'node:os'
import { parseArgs } from 'node:util'
import * as measures from './measures.ts'
import { scheduler } from './scheduler.ts'
import { ui } from './ui.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pods: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '4000' },
    replicas: { type: 'string', default: '1000' },
  },
})
const size: measures.Size = {
  pods: Number(values.pods),
  requests: Number(values.requests),
  replicas: Number(values.replicas),
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
const wanted = positionals.length ? positionals : Object.keys(all)
const unknown = wanted.find((name) => !Object.hasOwn(all, name))
if (unknown) {
  console.error(`There is no measure ${unknown}. Measures: ${Object.keys(all).join(', ')}.`)
  process.exit(2)
}
console.log(`Node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model.trim()}, client on the same machine`)
for (const name of wanted) await all[name as keyof typeof all](size)
