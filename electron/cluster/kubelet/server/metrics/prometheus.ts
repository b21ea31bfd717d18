export interface Sample {
  labels?: Readonly<Record<string, string>>
  value: number
  /** Milliseconds since the epoch; absent: the time of the scrape. */
  at?: number
}

export interface Family {
  name: string
  help: string
  type: 'counter' | 'gauge'
  samples: readonly Sample[]
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus' text format, families by name. One without samples is left out. */
export const formatFamilies = (families: readonly Family[]): string =>
  families
    .filter(({ samples }) => samples.length)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, help, type, samples }) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map((sample) => line(name, sample)), ''].join(
        '\n',
      ),
    )
    .join('')

function line(name: string, { labels = {}, value, at }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`)
  return `${name}${pairs.length ? `{${pairs.join(',')}}` : ''} ${value}${at === undefined ? '' : ` ${at}`}`
}

const escape = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
