import { dnsLabelErrors, dnsSubdomainErrors } from '#shared/kube/names.ts'
import { CelError } from '../values/errors.ts'
import { OpaqueValue } from '../values/values.ts'
import { overload, type Overload } from './overload.ts'

/** What an expression asks of the authorizer. */
export interface AuthorizationCheck {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
  readonly verb: string
  readonly path?: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

/** Answers for the user of the request, or for the service account named. */
export type Decide = (check: AuthorizationCheck) => { allowed: boolean; reason: string; error?: string }

/** `authorizer`, and what its methods lead to. */
class Check extends OpaqueValue {
  readonly typeName: string
  readonly decide: Decide
  readonly check: Partial<AuthorizationCheck>
  constructor(kind: string, decide: Decide, check: Partial<AuthorizationCheck>) {
    super()
    this.typeName = `kubernetes.authorization.${kind}`
    this.decide = decide
    this.check = check
  }
  equals(other: OpaqueValue): boolean {
    return other === this
  }
  with(kind: string, more: Partial<AuthorizationCheck>): Check {
    return new Check(kind, this.decide, { ...this.check, ...more })
  }
}

class Decision extends OpaqueValue {
  readonly typeName = 'kubernetes.authorization.Decision'
  readonly outcome: ReturnType<Decide>
  constructor(outcome: ReturnType<Decide>) {
    super()
    this.outcome = outcome
  }
  equals(other: OpaqueValue): boolean {
    return other === this
  }
}

/** The value of the variable `authorizer`. */
export const authorizerValue = (decide: Decide): OpaqueValue => new Check('Authorizer', decide, {})

/** The value of `authorizer.requestResource`. */
export const resourceCheck = (decide: Decide, check: Partial<AuthorizationCheck>): OpaqueValue =>
  new Check('ResourceCheck', decide, check)

function serviceAccount(authorizer: Check, namespace: string, name: string): Check {
  const wrong = dnsSubdomainErrors(name)
  if (wrong.length) throw new CelError(`Invalid service account name`)
  if (dnsLabelErrors(namespace).length) throw new CelError(`Invalid service account namespace`)
  return authorizer.with('Authorizer', { serviceAccount: { namespace, name } })
}

const filled = (value: string, what: string): string => {
  if (!value.trim()) throw new CelError(`${what} must not be empty`)
  return value
}

const asks = (check: Check, verb: string): Decision =>
  new Decision(check.decide({ ...check.check, verb } as AuthorizationCheck))
const fixed = { cost: () => 350_000 }
const narrowing = ['subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector'] as const

/** Source: apiserver/pkg/cel/library/authz.go. */
export const authorizer: readonly Overload[] = [
  overload('Authorizer.path(string): PathCheck', (of: Check, path: string) =>
    of.with('PathCheck', { path: filled(path, 'path') }),
  ),
  overload('Authorizer.group(string): GroupCheck', (of: Check, group: string) => of.with('GroupCheck', { group })),
  overload('Authorizer.serviceAccount(string, string): Authorizer', serviceAccount),
  overload('GroupCheck.resource(string): ResourceCheck', (of: Check, resource: string) =>
    of.with('ResourceCheck', { resource: filled(resource, 'resource') }),
  ),
  ...narrowing.map((field) =>
    overload(`ResourceCheck.${field}(string): ResourceCheck`, (of: Check, value: string) =>
      of.with('ResourceCheck', { [field]: value }),
    ),
  ),
  overload('PathCheck.check(string): Decision', asks, fixed),
  overload('ResourceCheck.check(string): Decision', asks, fixed),
  overload('Decision.allowed(): bool', ({ outcome }: Decision) => outcome.allowed),
  overload('Decision.reason(): string', ({ outcome }: Decision) => outcome.reason),
  overload('Decision.errored(): bool', ({ outcome }: Decision) => outcome.error !== undefined),
  overload('Decision.error(): string', ({ outcome }: Decision) => outcome.error ?? ''),
]
