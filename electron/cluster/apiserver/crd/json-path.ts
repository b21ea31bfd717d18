import { isObject } from './schema/paths.ts'

/**
 * The JSONPath of client-go, as far as paths to values go: `.spec.names[0]`, `['a.b']`, `[*]`, `[1:3]`, `..name`,
 * `[?(@.type=="Ready")].status`. Source: k8s.io/client-go/util/jsonpath.
 */
type Step = (values: readonly unknown[]) => unknown[]

/** Reads a path like `.spec.replicas`; undefined when it cannot be read. The answer gives every value it leads to. */
export function parseJsonPath(path: string): ((object: unknown) => unknown[]) | undefined {
  const steps: Step[] = []
  let rest = path.replace(/^\$/, '')
  while (rest !== '') {
    const read = readStep(rest)
    if (!read) return undefined
    steps.push(read.step)
    rest = read.rest
  }
  return (object) => steps.reduce<unknown[]>((values, step) => step(values), [object])
}

interface Read {
  step: Step
  rest: string
}

function readStep(text: string): Read | undefined {
  if (text === '.') return { step: (values) => [...values], rest: '' }
  const deep = /^\.\.(?=[\w$[*])/.exec(text)
  if (deep) {
    const below = readStep(text[2] === '[' ? text.slice(2) : text.slice(1))
    return below && { step: (values) => below.step(values.flatMap(everything)), rest: below.rest }
  }
  const name = /^\.((?:\\.|[^.[\]\\ ])+)/.exec(text)
  if (name) {
    const field = name[1]!.replace(/\\(.)/g, '$1')
    return {
      step: field === '*' ? children : (values) => values.flatMap((value) => fieldOf(value, field)),
      rest: text.slice(name[0].length),
    }
  }
  const end = text.startsWith('[') ? closingBracket(text) : -1
  if (end < 0) return undefined
  const step = readBrackets(text.slice(1, end))
  return step && { step, rest: text.slice(end + 1) }
}

function closingBracket(text: string): number {
  let depth = 0
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (quote) {
      if (char === quote) quote = ''
    } else if (char === '"' || char === "'") quote = char
    else if (char === '[') depth++
    else if (char === ']' && --depth === 0) return i
  }
  return -1
}

function readBrackets(text: string): Step | undefined {
  if (text === '*') return children
  const filter = /^\?\((.*)\)$/s.exec(text)
  if (filter) return readFilter(filter[1]!)
  const quoted = /^(?:'([^']*)'|"([^"]*)")$/.exec(text)
  if (quoted) return (values) => values.flatMap((value) => fieldOf(value, quoted[1] ?? quoted[2] ?? ''))
  const slice = /^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$/.exec(text)
  if (slice && text !== '') return text.includes(':') ? sliceStep(slice) : indexStep(Number(text))
  if (!text.includes(',')) return undefined
  const union = text.split(',').map((part) => readBrackets(part.trim()))
  if (union.some((step) => !step)) return undefined
  return (values) => union.flatMap((step) => step!(values))
}

const indexStep =
  (index: number): Step =>
  (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return []
      const at = index < 0 ? value.length + index : index
      return at in value ? [value[at] as unknown] : []
    })

function sliceStep([, from = '', to = '', step = '']: RegExpExecArray): Step {
  const by = step === '' ? 1 : Number(step)
  return (values) =>
    values.flatMap((value) =>
      Array.isArray(value)
        ? value
            .slice(from === '' ? 0 : Number(from), to === '' ? undefined : Number(to))
            .filter((_, i) => by > 0 && i % by === 0)
        : [],
    )
}

function readFilter(text: string): Step | undefined {
  const parts = /^\s*(.*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*?))?\s*$/s.exec(text)
  if (!parts) return undefined
  const [, leftText = '', operator, rightText = ''] = parts
  const left = readOperand(leftText)
  const right = operator ? readOperand(rightText) : undefined
  if (!left || (operator && !right)) return undefined
  return (values) =>
    values.flatMap((value) =>
      (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []).filter((item) => {
        const [one] = left(item)
        return operator ? compare(one, operator, right!(item)[0]) : one !== undefined
      }),
    )
}

function readOperand(text: string): ((item: unknown) => unknown[]) | undefined {
  if (text.startsWith('@')) return text === '@' ? (item) => [item] : parseJsonPath(text.slice(1))
  const quoted = /^(?:'(.*)'|"(.*)")$/s.exec(text)
  if (quoted) return () => [quoted[1] ?? quoted[2]]
  if (text === 'true' || text === 'false') return () => [text === 'true']
  return text !== '' && !Number.isNaN(Number(text)) ? () => [Number(text)] : undefined
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  if (left === undefined || right === undefined) return false
  if (operator === '==') return left === right
  if (operator === '!=') return left !== right
  const [a, b] = [left as number, right as number]
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}

const fieldOf = (value: unknown, name: string): unknown[] =>
  isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []

const childrenOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
const children: Step = (values) => values.flatMap(childrenOf)
const everything = (value: unknown): unknown[] => [value, ...childrenOf(value).flatMap(everything)]
