import type { PrinterColumn } from '../registry/apiextensions/types.ts'
import { ageColumn, nameColumn } from '../registry/columns/common.ts'
import { since, type CellValue } from '../registry/columns/since.ts'
import type { Column } from '../registry/kind.ts'
import { parseJsonPath } from './json-path.ts'
import { canonical } from './schema/list-types.ts'

/** What a definition without columns of its own shows. */
const onlyAge: readonly PrinterColumn[] = [
  { name: 'Age', type: 'date', description: ageColumn.description, jsonPath: '.metadata.creationTimestamp' },
]

/** Columns of a custom resource's table. Source: apiextensions registry/customresource/tableconvertor. */
export function customColumns(columns: readonly PrinterColumn[] | undefined): readonly Column[] {
  return [nameColumn, ...(columns?.length ? columns : onlyAge).map(customColumn)]
}

/** Columns of a Scale of custom resources. Source: apiextensions-apiserver's getScaleColumnsForVersion. */
export const scaleColumns = customColumns([
  { name: 'Desired', type: 'integer', description: 'Number of desired replicas', jsonPath: '.spec.replicas' },
  { name: 'Available', type: 'integer', description: 'Number of actual replicas', jsonPath: '.status.replicas' },
  ...onlyAge,
])

function customColumn({
  name = '',
  type = '',
  format = '',
  jsonPath = '',
  description,
  priority,
}: PrinterColumn): Column {
  const read = parseJsonPath(jsonPath)
  return {
    name,
    type: type as Column['type'],
    format,
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority ?? 0,
    cell: (object) => cellOf(type, read?.(object)[0]),
  }
}

function cellOf(type: string, value: unknown): CellValue {
  if (type === 'string') return value === undefined ? null : printed(value)
  switch (typeof value) {
    case 'number':
      if (type === 'integer') return Math.trunc(value)
      return type === 'number' ? value : null
    case 'boolean':
      return type === 'boolean' ? value : null
    case 'string':
      if (type !== 'date') return null
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : since(value)
    default:
      return null
  }
}

/** A value as kubectl's JSONPath prints it. */
function printed(value: unknown): string {
  if (value === null) return ''
  return typeof value === 'object' ? canonical(value) : String(value)
}
