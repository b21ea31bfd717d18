import { afterEach, expect, it } from 'vitest'
import { channelAddress, takeToken } from './ports.ts'

afterEach(() => {
  sessionStorage.clear()
  history.replaceState(null, '', '/')
})

it('takes the token out of the address and keeps the place in the app', () => {
  history.replaceState(null, '', '/?token=abc_-1#/c/builtin/k/pods')
  expect(takeToken(window)).toBe('abc_-1')
  expect(location.href).not.toContain('abc')
  expect(location.hash).toBe('#/c/builtin/k/pods')
})

it('keeps the token for reloads of this tab', () => {
  history.replaceState(null, '', '/?token=abc')
  takeToken(window)
  expect(takeToken(window)).toBe('abc')
})

it('hands the token over where the channel is', () => {
  expect(channelAddress(window, 'abc')).toBe(`ws://${location.host}/channel?token=abc`)
  expect(channelAddress(window, undefined)).toBe(`ws://${location.host}/channel`)
})
