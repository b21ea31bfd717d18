import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { Container, Pod } from '../types.ts'
import { containerConfig, type ContainerConfigInput } from './container-config.ts'

it.skipIf(process.platform === 'win32')('waits for no pipe where a file of variables should be', async () => {
  const volume = mkdtempSync(path.join(tmpdir(), 'wh-volume-'))
  try {
    execFileSync('mkfifo', [path.join(volume, 'env')])
    const fileKeyRef = { volumeName: 'v', path: 'env', key: 'A' }
    const container = { name: 'c', image: 'x', env: [{ name: 'A', valueFrom: { fileKeyRef } }] } as unknown as Container
    const pod: Pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [container] } }
    const input = {
      environment: { pod },
      volumes: new Map([['v', { path: volume }]]),
      images: new Map(),
    } as unknown as ContainerConfigInput
    await expect(containerConfig(pod, container, input)).rejects.toThrow("couldn't parse env file")
  } finally {
    rmSync(volume, { recursive: true })
  }
})
