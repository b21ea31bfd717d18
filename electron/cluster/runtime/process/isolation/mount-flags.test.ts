import { expect, it } from 'vitest'
import { lastingFlags } from './mount-flags.ts'

const mounts = [
  '20 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
  '21 20 0:5 / /tmp rw,nosuid,nodev,relatime - tmpfs tmpfs rw',
  '22 21 0:6 / /tmp/with\\040space rw,noexec - tmpfs tmpfs rw',
  '23 20 0:7 / /tmp rw,nodev - tmpfs covers rw',
].join('\n')

it('finds the flags of the innermost mount that holds a path', () => {
  expect(lastingFlags('/var/lib', mounts)).toEqual([])
  expect(lastingFlags('/tmp/with space/file', mounts)).toEqual(['noexec'])
  expect(lastingFlags('/tmpfile', mounts)).toEqual([])
})

it('goes by the last of several mounts at one place', () => {
  expect(lastingFlags('/tmp/file', mounts)).toEqual(['nodev'])
})
