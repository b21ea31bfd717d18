import type { Action, Argument, Profile, Rule } from './profile.ts'
import { architectures, type Architecture, type ArchitectureName } from './syscalls.ts'

/** One instruction: opcode, jumps when true and when false (in instructions), constant. Source: linux/filter.h. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, constant: number]

const load = 0x20
const and = 0x54
const jump = 0x05
const jumpEqual = 0x15
const jumpGreater = 0x25
const jumpGreaterOrEqual = 0x35
const answer = 0x06

/** Where a filter finds things. Source: struct seccomp_data; both architectures are little endian. */
const place = {
  number: 0,
  architecture: 4,
  argument: (index: number) => ({ low: 16 + 8 * index, high: 20 + 8 * index }),
}

const eperm = 1
const enosys = 38
/** Calls of the x32 ABI have this bit; nobody is built for it. */
const x32 = 0x40000000
const longestJump = 255
const mostInstructions = 4096
const bytesEach = 8

const returning = (value: number): Instruction => [answer, 0, 0, value]

/** SECCOMP_RET_… */
function valueOf(action: Action, errno = eperm): number {
  switch (action) {
    case 'SCMP_ACT_ALLOW':
      return 0x7fff0000
    case 'SCMP_ACT_ERRNO':
      return 0x00050000 | errno
    case 'SCMP_ACT_KILL':
    case 'SCMP_ACT_KILL_THREAD':
      return 0
    case 'SCMP_ACT_KILL_PROCESS':
      return 0x80000000
    case 'SCMP_ACT_TRAP':
      return 0x00030000
    case 'SCMP_ACT_TRACE':
      return 0x7ff00000 | errno
    case 'SCMP_ACT_LOG':
      return 0x7ffc0000
  }
}

/**
 * A profile as the kernel takes it: instructions of classic BPF, 8 bytes each. Calls that an architecture does not know
 * are no fault; calls of an architecture that the profile does not name kill who makes them, as libseccomp has it.
 */
export function assembleFilter(profile: Profile, native: ArchitectureName): Buffer {
  const named = new Set<string>([native, ...(profile.architectures ?? [])])
  const own = Object.entries(architectures).filter(([name]) => named.has(name))
  const program: Instruction[] = [[load, 0, 0, place.architecture]]
  for (const [, architecture] of own) {
    const block = forArchitecture(profile, architecture)
    program.push([jumpEqual, 1, 0, architecture.audit], [jump, 0, 0, block.length], ...block)
  }
  program.push(returning(valueOf('SCMP_ACT_KILL')))
  if (program.length > mostInstructions)
    throw new Error(
      `the profile makes a filter of ${program.length} instructions, of which the kernel takes ${mostInstructions}`,
    )
  const bytes = Buffer.alloc(program.length * bytesEach)
  program.forEach(([code, whenTrue, whenFalse, constant], i) => {
    bytes.writeUInt16LE(code, i * bytesEach)
    bytes.writeUInt8(whenTrue, i * bytesEach + 2)
    bytes.writeUInt8(whenFalse, i * bytesEach + 3)
    bytes.writeUInt32LE(constant >>> 0, i * bytesEach + 4)
  })
  return bytes
}

/** Numbers in rising order, runs of the same decision together: from the start of each to that of the next. */
function forArchitecture(profile: Profile, { audit, numbers }: Architecture): Instruction[] {
  const otherwise = valueOf(profile.defaultAction, profile.defaultErrnoRet)
  const byNumber = new Map<number, Rule[]>()
  for (const rule of profile.syscalls ?? [])
    for (const name of rule.names) {
      const number = numbers.get(name)
      if (number !== undefined) byNumber.set(number, [...(byNumber.get(number) ?? []), rule])
    }
  const runs: { from: number; code: Instruction[] }[] = [{ from: 0, code: [returning(otherwise)] }]
  const add = (from: number, code: Instruction[]) => {
    const last = runs.at(-1)!
    if (last.from === from) last.code = code
    else if (!isSame(last.code, code)) runs.push({ from, code })
  }
  for (const number of [...byNumber.keys()].sort((a, b) => a - b)) {
    add(number, decision(byNumber.get(number)!, otherwise))
    add(number + 1, [returning(otherwise)])
  }
  if (audit === architectures.SCMP_ARCH_X86_64.audit) add(x32, [returning(valueOf('SCMP_ACT_ERRNO', enosys))])
  const code = runs.flatMap((run, i) => {
    const next = runs[i + 1]
    if (!next) return run.code
    if (run.code.length > longestJump) throw new Error('a system call has more conditions than a filter has room for')
    return [[jumpGreaterOrEqual, run.code.length, 0, next.from] as const, ...run.code]
  })
  return [[load, 0, 0, place.number], ...code]
}

const isSame = (one: readonly Instruction[], other: readonly Instruction[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

/** What becomes of one call: one of its rules that asks for nothing decides, else the first whose arguments are met. */
function decision(rules: readonly Rule[], otherwise: number): Instruction[] {
  const plain = rules.find(({ args }) => !args?.length)
  if (plain) return [returning(valueOf(plain.action, plain.errnoRet))]
  const conditional = rules.flatMap(({ args, action, errnoRet }) =>
    alternatives(args ?? []).flatMap((all) => whenAll(all, valueOf(action, errnoRet))),
  )
  return [...conditional, returning(otherwise)]
}

/** All of a rule's arguments have to be met, unless it names one twice: then any. As runc has it. */
const alternatives = (args: readonly Argument[]): (readonly Argument[])[] =>
  new Set(args.map(({ index }) => index)).size < args.length ? args.map((one) => [one]) : [args]

const pass = -1
const fail = -2

/** Answers when all conditions hold; goes on behind itself when one does not. */
function whenAll(args: readonly Argument[], value: number): Instruction[] {
  return args.reduceRight<Instruction[]>(
    (rest, argument) => {
      const own = condition(argument)
      const resolve = (target: number, at: number) => {
        if (target >= 0) return target
        const toEnd = own.length - at - 1
        return target === pass ? toEnd : toEnd + rest.length
      }
      return [
        ...own.map(([code, yes, no, constant], at) => [code, resolve(yes, at), resolve(no, at), constant] as const),
        ...rest,
      ]
    },
    [returning(value)],
  )
}

/** Arguments have 64 bits, instructions 32: the high half first. */
function condition({ index, value = 0, valueTwo = 0, op }: Argument): Instruction[] {
  const { low, high } = place.argument(index)
  const [lowValue, highValue] = halves(value)
  const loadHigh: Instruction = [load, 0, 0, high]
  const loadLow: Instruction = [load, 0, 0, low]
  switch (op) {
    case 'SCMP_CMP_EQ':
      return [loadHigh, [jumpEqual, 0, fail, highValue], loadLow, [jumpEqual, pass, fail, lowValue]]
    case 'SCMP_CMP_NE':
      return [loadHigh, [jumpEqual, 0, pass, highValue], loadLow, [jumpEqual, fail, pass, lowValue]]
    case 'SCMP_CMP_MASKED_EQ': {
      const [lowWanted, highWanted] = halves(valueTwo)
      return [
        loadHigh,
        [and, 0, 0, highValue],
        [jumpEqual, 0, fail, highWanted],
        loadLow,
        [and, 0, 0, lowValue],
        [jumpEqual, pass, fail, lowWanted],
      ]
    }
    case 'SCMP_CMP_GT':
    case 'SCMP_CMP_GE': {
      const compare = op === 'SCMP_CMP_GT' ? jumpGreater : jumpGreaterOrEqual
      return [
        loadHigh,
        [jumpGreater, pass, 0, highValue],
        [jumpEqual, 0, fail, highValue],
        loadLow,
        [compare, pass, fail, lowValue],
      ]
    }
    case 'SCMP_CMP_LT':
    case 'SCMP_CMP_LE': {
      const compare = op === 'SCMP_CMP_LT' ? jumpGreaterOrEqual : jumpGreater
      return [
        loadHigh,
        [jumpGreater, fail, 0, highValue],
        [jumpEqual, 0, pass, highValue],
        loadLow,
        [compare, fail, pass, lowValue],
      ]
    }
  }
}

const halves = (value: number): [low: number, high: number] => {
  const whole = BigInt(value)
  return [Number(whole & 0xffffffffn), Number((whole >> 32n) & 0xffffffffn)]
}
