import type { DeviceSelector } from '#shared/kube/devices.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { compileSelector } from '../../../cel/devices.ts'
import { invalid, required, tooLong } from '../validation/field.ts'

const longest = 10 * 1024

/** Source: validateSelector and validateCELSelector in pkg/apis/resource/validation. */
export function selectorErrors({ cel }: DeviceSelector, path: string): FieldError[] {
  if (!cel) return [required(`${path}.cel`)]
  const { expression = '' } = cel
  if (expression.length > longest) return [tooLong(`${path}.cel.expression`, longest)]
  const compiled = compileSelector(expression)
  return 'error' in compiled ? [invalid(`${path}.cel.expression`, expression, compiled.error)] : []
}
