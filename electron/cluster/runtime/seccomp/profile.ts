import { z } from 'zod'

const comparisons = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const
const actions = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_LOG',
] as const

const value = z.number().nonnegative().default(0)
const argument = z.object({ index: z.number().int().min(0).max(5), value, valueTwo: value, op: z.enum(comparisons) })
const rule = z.object({
  names: z.array(z.string()).min(1),
  action: z.enum(actions),
  errnoRet: z.number().int().min(0).max(0xffff).optional(),
  args: z.array(argument).nullish(),
})
const profile = z.object({
  defaultAction: z.enum(actions),
  defaultErrnoRet: z.number().int().min(0).max(0xffff).optional(),
  architectures: z.array(z.string()).nullish(),
  syscalls: z.array(rule).nullish(),
})

/** As files say it: `LinuxSeccomp` of the OCI's runtime specification. */
export type Profile = z.input<typeof profile>
export type Rule = z.input<typeof rule>
export type Argument = z.input<typeof argument>
export type Action = (typeof actions)[number]

/** Rejects what is no profile with the field that is wrong. Beyond 2^53 arguments lose their last digits. */
export function parseProfile(text: string): Profile {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new Error(`it is no JSON: ${(error as Error).message}`, { cause: error })
  }
  const { success, data, error } = profile.safeParse(document)
  if (success) return data
  const [issue] = error.issues
  throw new Error(`${issue!.path.join('.') || 'the document'}: ${issue!.message}`)
}
