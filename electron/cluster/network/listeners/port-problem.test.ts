import { expect, it } from 'vitest'
import { portProblem } from './port-problem.ts'

it('says why a port could not be had, and which is served instead', () => {
  const error = (code: string) => Object.assign(new Error(`listen ${code}`), { code })
  expect(portProblem(error('EACCES'), 80, 8080)).toEqual({
    reason: 'PortNotPermitted',
    message: 'Port 80 may only be opened by an administrator: port 8080 is served instead.',
  })
  expect(portProblem(error('EADDRINUSE'), 30_080, undefined)).toEqual({
    reason: 'PortInUse',
    message: 'Port 30080 of this machine is in use by another program: it is not served here.',
  })
  expect(portProblem(error('EMFILE'), 80, 8080).message).toContain('listen EMFILE')
})
