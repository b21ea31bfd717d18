/** What arithmetic knows of variables. */
export interface Numbers {
  get(name: string): string
  set(name: string, value: string): void
}

const levels: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
]
const assignments = ['<<=', '>>=', '+=', '-=', '*=', '/=', '%=', '&=', '^=', '|=', '=']

/** The value of a shell's arithmetic expression: 64-bit integers, as C computes them. */
export function evaluate(text: string, numbers: Numbers): bigint {
  const tokens =
    text.match(
      /0[xX][\da-fA-F]+|\d+|[A-Za-z_]\w*|<<=|>>=|\*\*|\+\+|--|&&|\|\||<<|>>|[-+*/%&^|=!<>]=|[-+*/%&^|=!<>~?:(),]|\S/g,
    ) ?? []
  let at = 0
  const peek = () => tokens[at]
  const take = (token: string) => tokens[at] === token && ++at > 0
  const fault = () => new Error(`arithmetic syntax error: ${text.trim()}`)

  const comma = (live: boolean): bigint => {
    let value = assignment(live)
    while (take(',')) value = assignment(live)
    return value
  }

  const assignment = (live: boolean): bigint => {
    const name = peek()
    const operator = tokens[at + 1]
    if (name === undefined || !/^[A-Za-z_]/.test(name) || operator === undefined || !assignments.includes(operator))
      return ternary(live)
    at += 2
    const right = assignment(live)
    const value = operator === '=' ? right : apply(operator.slice(0, -1), valueOf(name), right, live)
    if (live) numbers.set(name, String(value))
    return value
  }

  const ternary = (live: boolean): bigint => {
    const test = binary(0, live)
    if (!take('?')) return test
    const yes = comma(live && test !== 0n)
    if (!take(':')) throw fault()
    const no = ternary(live && test === 0n)
    return test === 0n ? no : yes
  }

  const binary = (level: number, live: boolean): bigint => {
    const operators = levels[level]
    if (!operators) return unary(live)
    let left = binary(level + 1, live)
    for (let operator = peek(); operator !== undefined && operators.includes(operator); operator = peek()) {
      at++
      const skips = (operator === '||' && left !== 0n) || (operator === '&&' && left === 0n)
      left = apply(operator, left, binary(level + 1, live && !skips), live && !skips)
    }
    return left
  }

  const unary = (live: boolean): bigint => {
    if (take('!')) return unary(live) === 0n ? 1n : 0n
    if (take('~')) return ~unary(live)
    if (take('-')) return -unary(live)
    if (take('+')) return unary(live)
    if (take('++') || take('--')) {
      const step = tokens[at - 1] === '++' ? 1n : -1n
      return change(tokens[at++], step, live)
    }
    return primary(live)
  }

  const primary = (live: boolean): bigint => {
    if (take('(')) {
      const value = comma(live)
      if (!take(')')) throw fault()
      return value
    }
    const token = tokens[at++]
    if (token === undefined) throw fault()
    if (/^\d/.test(token)) return numberOf(token)
    if (!/^[A-Za-z_]/.test(token)) throw fault()
    if (peek() === '++' || peek() === '--') {
      const step = tokens[at++] === '++' ? 1n : -1n
      return change(token, step, live) - step
    }
    return valueOf(token)
  }

  const change = (name: string | undefined, step: bigint, live: boolean): bigint => {
    if (name === undefined || !/^[A-Za-z_]/.test(name)) throw fault()
    const value = valueOf(name) + step
    if (live) numbers.set(name, String(value))
    return value
  }

  const valueOf = (name: string): bigint => {
    const value = numbers.get(name).trim()
    if (value === '') return 0n
    if (/^[-+]?\d|^[-+]?0[xX]/.test(value))
      return value.startsWith('-') ? -numberOf(value.slice(1)) : numberOf(value.replace(/^\+/, ''))
    return evaluate(value, numbers)
  }

  const value = tokens.length ? comma(true) : 0n
  if (at < tokens.length) throw fault()
  return BigInt.asIntN(64, value)
}

const numberOf = (text: string): bigint => BigInt(/^0\d/.test(text) ? `0o${text.slice(1)}` : text)

function apply(operator: string, a: bigint, b: bigint, live: boolean): bigint {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
    case '%':
      if (b === 0n) {
        if (live) throw new Error('divide by zero')
        return 0n
      }
      return operator === '/' ? a / b : a % b
    case '<<':
      return BigInt.asIntN(64, a << (b & 63n))
    case '>>':
      return a >> (b & 63n)
    case '&':
      return a & b
    case '|':
      return a | b
    case '^':
      return a ^ b
    case '&&':
      return a !== 0n && b !== 0n ? 1n : 0n
    case '||':
      return a !== 0n || b !== 0n ? 1n : 0n
    default:
      return compare(operator, a, b) ? 1n : 0n
  }
}

function compare(operator: string, a: bigint, b: bigint): boolean {
  switch (operator) {
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '>':
      return a > b
    case '<=':
      return a <= b
    default:
      return a >= b
  }
}
