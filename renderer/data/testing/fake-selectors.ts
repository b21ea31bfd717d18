type Test = (labels: Record<string, string>) => boolean

/** The label selectors that the UI itself writes; enough for a fake. */
export function parseSelector(text: string): Test[] {
  return [
    ...text.matchAll(/(!?)([\w./-]+)\s*(?:(!=|==?|\s+in\s+|\s+notin\s+)\s*(?:\(([^)]*)\)|([\w.-]*)))?(?:,|$)/g),
  ].map(([, not, key = '', operator = '', list, value = '']): Test => {
    const wanted = operator.trim()
    if (!wanted) return (labels) => (labels[key] !== undefined) !== (not === '!')
    if (list !== undefined) return (labels) => list.split(',').includes(labels[key] ?? '') === (wanted === 'in')
    return (labels) => (labels[key] === value) === (wanted !== '!=')
  })
}

export const matches = (tests: readonly Test[], labels: Record<string, string> | undefined): boolean =>
  tests.every((test) => test(labels ?? {}))
