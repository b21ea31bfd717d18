import * as monaco from 'monaco-editor/editor'
import { configureMonacoYaml, type MonacoYaml } from 'monaco-yaml'
import { watch } from 'vue'
import { theme } from '../theme.ts'
import './features.ts'

export { monaco }

self.MonacoEnvironment = {
  getWorker: () => new Worker(new URL('./editor.worker.ts', import.meta.url), { type: 'module', name: 'editor' }),
}

/**
 * monaco-yaml asks for its worker the way Monaco before 0.55 did. This Monaco wants the worker itself, told first that
 * it is in use and then its settings.
 */
const forYaml = {
  ...monaco,
  editor: {
    ...monaco.editor,
    createWebWorker: <T extends object>({ createData }: { createData?: unknown }) => {
      const worker = new Worker(new URL('./yaml.worker.ts', import.meta.url), { type: 'module', name: 'yaml' })
      worker.postMessage('ignore')
      worker.postMessage(createData)
      return monaco.editor.createWebWorker<T>({ worker })
    },
  },
}

let yaml: MonacoYaml | undefined
let schemaOf: string | undefined
let schemaCount = 0

/** Checks and completes every YAML model by this schema; `key` tells schemas apart. */
export function useSchema(key: string, schema: unknown): void {
  if (schemaOf === key) return
  schemaOf = key
  const options = {
    completion: true,
    hover: true,
    validate: true,
    format: { enable: true },
    enableSchemaRequest: false,
    hoverSchemaSource: false,
    // The worker looks a schema up by its decoded address: nothing in it may need encoding.
    schemas: [{ uri: `wheelhouse://schema/${++schemaCount}.json`, fileMatch: ['*'], schema: schema as object }],
  }
  if (yaml) void yaml.update(options)
  else yaml = configureMonacoYaml(forYaml as never, options)
}

/** A token's colour as Monaco wants it: #rrggbb. The browser does the arithmetic. */
function hex(variable: string): string {
  const probe = document.createElement('canvas').getContext('2d')!
  const element = document.createElement('span')
  element.style.color = `var(${variable})`
  document.body.append(element)
  probe.fillStyle = getComputedStyle(element).color
  element.remove()
  probe.fillRect(0, 0, 1, 1)
  const [r = 0, g = 0, b = 0] = probe.getImageData(0, 0, 1, 1).data
  return `#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

function applyTheme(): void {
  const rule = (token: string, variable: string, fontStyle?: string) => ({
    token,
    foreground: hex(variable).slice(1),
    ...(fontStyle ? { fontStyle } : {}),
  })
  monaco.editor.defineTheme('wheelhouse', {
    base: theme.value === 'dark' ? 'vs-dark' : 'vs',
    inherit: true,
    rules: [
      rule('', '--color-ink'),
      rule('type.yaml', '--color-accent'),
      rule('string.yaml', '--color-ink'),
      rule('number.yaml', '--color-busy'),
      rule('number', '--color-busy'),
      rule('keyword', '--color-warn'),
      rule('comment.yaml', '--color-faint', 'italic'),
      rule('operators.yaml', '--color-muted'),
      rule('namespace.yaml', '--color-muted'),
    ],
    colors: {
      'editor.background': hex('--color-surface'),
      'editor.foreground': hex('--color-ink'),
      'editorLineNumber.foreground': hex('--color-faint'),
      'editorLineNumber.activeForeground': hex('--color-ink'),
      'editorGutter.background': hex('--color-surface'),
      'editorWidget.background': hex('--color-raised'),
      'editorWidget.border': hex('--color-line-strong'),
      'editorSuggestWidget.background': hex('--color-raised'),
      'editorHoverWidget.background': hex('--color-raised'),
      'editorStickyScroll.background': hex('--color-sunken'),
      'input.background': hex('--color-surface'),
      focusBorder: hex('--color-focus'),
    },
  })
  monaco.editor.setTheme('wheelhouse')
}
applyTheme()
watch(theme, applyTheme, { flush: 'post' })

const monoFont = (): string => getComputedStyle(document.documentElement).getPropertyValue('--font-mono').trim()

export const commonOptions = (): monaco.editor.IStandaloneEditorConstructionOptions => ({
  fontFamily: monoFont(),
  fontSize: 12,
  lineHeight: 18,
  minimap: { enabled: false },
  scrollBeyondLastLine: false,
  smoothScrolling: false,
  renderLineHighlight: 'line',
  occurrencesHighlight: 'off',
  overviewRulerBorder: false,
  hideCursorInOverviewRuler: true,
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  padding: { top: 8, bottom: 8 },
  fixedOverflowWidgets: true,
  guides: { indentation: true },
  stickyScroll: { enabled: true, maxLineCount: 3 },
  unicodeHighlight: { ambiguousCharacters: false },
  wordBasedSuggestions: 'off',
  quickSuggestions: { strings: true, other: true, comments: false },
})
