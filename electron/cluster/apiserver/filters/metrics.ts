/** Counts requests for /metrics, in Prometheus' text format. */
export class RequestMetrics {
  readonly #counts = new Map<string, number>()

  count(verb: string, group: string, version: string, resource: string, subresource: string, code: number): void {
    const key = `verb="${verb.toUpperCase()}",group="${group}",version="${version}",resource="${resource}",subresource="${subresource}",code="${code}"`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /** `gauges` are names (with labels, those of one family together), help and values of what is measured elsewhere. */
  text(gauges: readonly (readonly [name: string, help: string, value: number])[]): string {
    const lines = [
      '# HELP apiserver_request_total Counter of apiserver requests.',
      '# TYPE apiserver_request_total counter',
    ]
    for (const [labels, value] of this.#counts) lines.push(`apiserver_request_total{${labels}} ${value}`)
    let last = ''
    for (const [name, help, value] of gauges) {
      const [family = name] = name.split('{', 1)
      if (family !== last) lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} gauge`)
      lines.push(`${name} ${value}`)
      last = family
    }
    return `${lines.join('\n')}\n`
  }
}
