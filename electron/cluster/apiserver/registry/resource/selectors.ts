import type { FieldError } from '#shared/kube/status.ts'
import { compileTyped } from '../../cel/admission/compile.ts'
import { Environment } from '../../cel/environment.ts'
import { typeNamed } from '../../cel/types/signature.ts'
import { bool, dyn, map, objectType, string } from '../../cel/types/types.ts'
import { invalid, required, tooLong } from '../validation/field.ts'
import type { Selector } from './types.ts'

const longest = 10 * 1024

const device = objectType('kubernetes.DRADevice', {
  driver: string,
  attributes: map(string, map(string, dyn)),
  capacity: map(string, map(string, typeNamed('Quantity'))),
  allowMultipleAllocations: bool,
})
const environment = new Environment({ variables: { device } })

/** Source: validateSelector and validateCELSelector in pkg/apis/resource/validation. */
export function selectorErrors({ cel }: Selector, path: string): FieldError[] {
  if (!cel) return [required(`${path}.cel`)]
  const { expression = '' } = cel
  if (expression.length > longest) return [tooLong(`${path}.cel.expression`, longest)]
  const compiled = compileTyped(environment, expression, [bool])
  return 'error' in compiled ? [invalid(`${path}.cel.expression`, expression, compiled.error)] : []
}
