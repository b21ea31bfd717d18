import { expect, it } from 'vitest'
import { mountInApp } from '../../app/testing/mountInApp.ts'
import { screenText, until } from '../../app/testing/screen.ts'
import { deployments } from '#shared/kube/resources.ts'
import ImageDialog from './ImageDialog.vue'
import { messages } from './messages.ts'

it('keeps what was typed before the deployment was there', async () => {
  const target = { context: 'builtin', resource: deployments, namespace: 'default', name: 'hello' }
  const app = await mountInApp(ImageDialog, { target }, { name: 'workloads', messages }, { delay: 50 })
  const field = document.querySelector<HTMLInputElement>('form#image input')!
  expect(field.value).toBe('')
  field.value = 'wheelhouse/hello:v3'
  field.dispatchEvent(new Event('input'))
  // The container's name is known from the deployment.
  await until(() => expect(screenText()).toMatch(/apps\/hello \w+=/))
  expect(field.value).toBe('wheelhouse/hello:v3')
  app.wrapper.unmount()
})
