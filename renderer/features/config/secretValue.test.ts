// @vitest-environment node
import { expect, it } from 'vitest'
import { decodeValue } from './secretValue.ts'

it('shows text as text and never binary data as if it were', () => {
  expect(decodeValue(btoa('pa55'))).toEqual({ text: 'pa55', bytes: 4 })
  expect(decodeValue(btoa('\xff\xfe\x00'))).toEqual({ text: undefined, bytes: 3 })
  expect(decodeValue('w6k=')).toEqual({ text: 'é', bytes: 2 })
  expect(decodeValue('not base64!')).toEqual({ text: undefined, bytes: 0 })
})
