import { describe, expect, it } from 'vitest'
import { defaultProfile } from './default-profile.ts'
import { assembleFilter } from './filter.ts'
import { parseProfile, type Argument, type Profile } from './profile.ts'
import { architectures } from './syscalls.ts'

const x86_64 = architectures.SCMP_ARCH_X86_64
const allowed = 0x7fff0000
const errno = (number: number) => 0x00050000 | number
const killed = 0

/** What the kernel answers: classic BPF as far as filters use it. */
function run(
  filter: Buffer,
  name: string | number,
  args: readonly bigint[] = [],
  architecture: { audit: number; numbers: ReadonlyMap<string, number> } = x86_64,
): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(typeof name === 'number' ? name : architecture.numbers.get(name)!, 0)
  data.writeUInt32LE(architecture.audit, 4)
  args.forEach((each, i) => data.writeBigUInt64LE(each, 16 + 8 * i))
  let a = 0
  for (let at = 0; ; at++) {
    const code = filter.readUInt16LE(at * 8)
    const [yes, no, k] = [filter[at * 8 + 2]!, filter[at * 8 + 3]!, filter.readUInt32LE(at * 8 + 4)]
    const branch = (taken: boolean) => void (at += taken ? yes : no)
    if (code === 0x20) a = data.readUInt32LE(k)
    else if (code === 0x54) a = (a & k) >>> 0
    else if (code === 0x05) at += k
    else if (code === 0x15) branch(a === k)
    else if (code === 0x25) branch(a > k)
    else if (code === 0x35) branch(a >= k)
    else if (code === 0x06) return k
    else throw new Error(`no such instruction ${code}`)
  }
}

const assembled = (profile: Profile) => assembleFilter(profile, 'SCMP_ARCH_X86_64')
const onArguments = (...args: Argument[]) =>
  assembled({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args }] })

describe('the default profile', () => {
  const usual = assembled(defaultProfile((name) => name === 'SYS_CHROOT'))

  it('allows what every program does and refuses what changes the machine', () => {
    for (const name of ['read', 'execve', 'futex', 'openat2', 'chroot'])
      expect([name, run(usual, name)]).toEqual([name, allowed])
    for (const name of ['mount', 'bpf', 'keyctl', 'unshare', 'io_uring_setup', 'reboot', 'kexec_load'])
      expect([name, run(usual, name)]).toEqual([name, errno(1)])
  })

  it('opens with a capability what that is for', () => {
    const admin = assembled(defaultProfile((name) => name === 'SYS_ADMIN'))
    expect([run(admin, 'mount'), run(admin, 'clone3'), run(admin, 'chroot')]).toEqual([allowed, allowed, errno(1)])
  })

  it('lets threads and processes be made, and no namespaces', () => {
    const newUser = 0x10000000n
    expect([run(usual, 'clone', [0x3d0f00n]), run(usual, 'clone', [newUser | 17n])]).toEqual([allowed, errno(1)])
    expect(run(usual, 'clone3')).toBe(errno(38))
  })

  it('knows programs of 32 bits by their own numbers, and those of x32 not at all', () => {
    const x86 = architectures.SCMP_ARCH_X86
    expect([run(usual, 'waitpid', [], x86), run(usual, 'mount', [], x86)]).toEqual([allowed, errno(1)])
    expect(run(usual, 0x40000000)).toBe(errno(38))
  })

  it('takes sockets of every family but the hypervisor’s', () => {
    expect([run(usual, 'socket', [1n]), run(usual, 'socket', [40n])]).toEqual([allowed, errno(1)])
  })
})

describe('arguments', () => {
  const big = 2 ** 32 + 5
  it.each([
    ['SCMP_CMP_EQ', big, [5n, 2n ** 32n + 4n, 2n ** 33n + 5n], [2n ** 32n + 5n]],
    ['SCMP_CMP_NE', big, [2n ** 32n + 5n], [5n, 2n ** 32n + 4n]],
    ['SCMP_CMP_GT', big, [4n, 2n ** 32n + 5n], [2n ** 32n + 6n, 2n ** 33n]],
    ['SCMP_CMP_GE', big, [6n, 2n ** 32n + 4n], [2n ** 32n + 5n, 2n ** 33n]],
    ['SCMP_CMP_LT', big, [2n ** 32n + 5n, 2n ** 33n], [6n, 2n ** 32n + 4n]],
    ['SCMP_CMP_LE', big, [2n ** 32n + 6n, 2n ** 33n], [6n, 2n ** 32n + 5n]],
  ] as const)('%s looks at all 64 bits', (op, value, refused, taken) => {
    const filter = onArguments({ index: 1, value, op })
    for (const each of refused) expect([each, run(filter, 'ioctl', [0n, each])]).toEqual([each, errno(1)])
    for (const each of taken) expect([each, run(filter, 'ioctl', [0n, each])]).toEqual([each, allowed])
  })

  it('of one rule have to be met together, unless it names one of them twice', () => {
    const both = onArguments({ index: 0, value: 1, op: 'SCMP_CMP_EQ' }, { index: 2, value: 3, op: 'SCMP_CMP_EQ' })
    expect([run(both, 'ioctl', [1n, 0n, 3n]), run(both, 'ioctl', [1n, 0n, 4n])]).toEqual([allowed, errno(1)])
    const either = onArguments({ index: 0, value: 1, op: 'SCMP_CMP_EQ' }, { index: 0, value: 2, op: 'SCMP_CMP_EQ' })
    expect([1n, 2n, 3n].map((each) => run(either, 'ioctl', [each]))).toEqual([allowed, allowed, errno(1)])
  })
})

describe('a profile of a file', () => {
  it('has its own default, and says what calls end in', () => {
    const filter = assembled(
      parseProfile(
        JSON.stringify({
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [
            { names: ['mkdir', 'mkdirat', 'never_heard_of'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
            { names: ['getpid'], action: 'SCMP_ACT_KILL_PROCESS' },
          ],
        }),
      ),
    )
    expect(['mkdir', 'getpid', 'read', 499].map((each) => run(filter, each))).toEqual([
      errno(13),
      0x80000000,
      allowed,
      allowed,
    ])
    // An architecture that it does not name.
    expect(run(filter, 'read', [], architectures.SCMP_ARCH_X86)).toBe(killed)
  })

  it.each([
    ['{', 'it is no JSON'],
    ['{}', 'defaultAction'],
    ['{"defaultAction":"SCMP_ACT_NOTIFY"}', 'defaultAction'],
    ['{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"no"}]}', 'syscalls.0.action'],
  ])('is refused when it is %s', (text, message) => {
    expect(() => parseProfile(text)).toThrow(message)
  })
})
