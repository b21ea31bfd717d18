import type { FieldDef, TypeDef } from '../api.ts'

/** What a message's field numbers mean, in their order: a field, or the message that protobuf makes of an inlined struct. */
export type Plan = ReadonlyMap<number, FieldDef | Plan>

const plans = new WeakMap<TypeDef, Plan>()

export function planOf(type: TypeDef): Plan {
  let plan = plans.get(type)
  if (!plan) plans.set(type, (plan = makePlan([...type.fields.values()], 0)))
  return plan
}

function makePlan(fields: FieldDef[], depth: number): Plan {
  const plan = new Map<number, FieldDef | Plan>()
  const inlined = new Map<number, FieldDef[]>()
  for (const field of fields) {
    const number = field.number?.[depth]
    if (number === undefined) continue
    if (field.number!.length === depth + 1) plan.set(number, field)
    else if (inlined.has(number)) inlined.get(number)!.push(field)
    else inlined.set(number, [field])
  }
  for (const [number, members] of inlined) plan.set(number, makePlan(members, depth + 1))
  return new Map([...plan].sort(([a], [b]) => a - b))
}

export const isPlan = (entry: FieldDef | Plan): entry is Plan => entry instanceof Map

/** Types of packages without protobuf definitions travel as JSON only. */
export const hasProtobuf = (type: TypeDef): boolean => planOf(type).size > 0
