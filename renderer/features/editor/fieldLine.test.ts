// @vitest-environment node
import { expect, it } from 'vitest'
import { lineOfField, parsePath } from './fieldLine.ts'

const text = `kind: ConfigMap
data:
  a: b
---
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/name: web
spec:
  template:
    spec:
      containers:
        - name: one
          image: a
        - name: two
          image: b
`

it('takes paths apart as the server writes them', () => {
  expect(parsePath('spec.containers[0].image')).toEqual(['spec', 'containers', 0, 'image'])
  expect(parsePath('metadata.labels[app.kubernetes.io/name]')).toEqual(['metadata', 'labels', 'app.kubernetes.io/name'])
})

it('finds the line of a field in the right document', () => {
  expect(lineOfField(text, 'spec.template.spec.containers[1].image', 5)).toBe(16)
  expect(lineOfField(text, 'metadata.labels[app.kubernetes.io/name]', 5)).toBe(8)
  expect(lineOfField(text, 'data.a', 1)).toBe(3)
})

it('leads to the nearest parent that is there when the field is missing', () => {
  expect(lineOfField(text, 'spec.selector.matchLabels', 5)).toBe(9)
  expect(lineOfField(text, 'spec.template.spec.containers[7].image', 5)).toBe(12)
})
