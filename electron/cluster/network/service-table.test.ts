import { expect, it } from 'vitest'
import { ServiceTable } from './service-table.ts'
import { endpoint, service, slice } from './testing.ts'

it('knows the slices of a service, whichever of them came first, and tells whose have changed', () => {
  const table = new ServiceTable()
  const changes: string[] = []
  table.onChange((key) => changes.push(key))
  table.setSlice(slice('web', [endpoint('10.0.0.1')], [], 'web-a'))
  table.setService(service('web'))
  table.setSlice(slice('web', [endpoint('10.0.0.2')], [], 'web-b'))
  table.setSlice(slice('other', [endpoint('10.0.0.3')], [], 'web-b'))
  table.deleteSlice('default/web-a')
  expect(table.slicesOf('default/web')).toEqual([])
  expect(table.slicesOf('default/other')).toHaveLength(1)
  table.deleteService('default/web')
  table.deleteSlice('default/never-there')
  expect(changes).toEqual([
    'default/web',
    'default/web',
    'default/web',
    'default/web',
    'default/other',
    'default/web',
    'default/web',
  ])
})
