import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { acceptForwarding } from './forwarding.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync('/tmp/wh-fw-')
  vi.stubEnv('PATH', `${directory}:${process.env['PATH']}`)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(directory, { recursive: true, force: true })
})

/** An iptables that has these rules, and notes the changes it is asked for. */
function firewall(...rules: string[]): () => string[] {
  const file = path.join(directory, 'iptables')
  const notes = path.join(directory, 'notes')
  writeFileSync(notes, '')
  writeFileSync(
    file,
    `#!/bin/sh\ncase "$*" in *-S*) printf '%s\\n' ${rules.map((rule) => `'${rule}'`).join(' ')};; *) echo "$*" >> ${notes};; esac\n`,
  )
  chmodSync(file, 0o755)
  return () => readFileSync(notes, 'utf8').split('\n').slice(0, -1)
}

it('leaves a firewall alone that forwards anyway', async () => {
  const changes = firewall('-P FORWARD ACCEPT')
  await (
    await acceptForwarding('wh0')
  )()
  expect(changes()).toEqual([])
})

it('lets pods through where Docker drops what it does not know, in the chain that is meant for it', async () => {
  const changes = firewall('-P FORWARD DROP', '-A FORWARD -j DOCKER-USER')
  const remove = await acceptForwarding('wh0')
  expect(changes().slice(2)).toEqual(['-w -I DOCKER-USER -i wh0 -j ACCEPT', '-w -I DOCKER-USER -o wh0 -j ACCEPT'])
  await remove()
  expect(changes().slice(4)).toEqual(['-w -D DOCKER-USER -i wh0 -j ACCEPT', '-w -D DOCKER-USER -o wh0 -j ACCEPT'])
})
