import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal, type ITheme } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'

const token = (name: string): string => {
  const element = document.createElement('span')
  element.style.color = `var(${name})`
  document.body.append(element)
  const context = document.createElement('canvas').getContext('2d')!
  context.fillStyle = getComputedStyle(element).color
  element.remove()
  context.fillRect(0, 0, 1, 1)
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data
  return `rgb(${r}, ${g}, ${b})`
}

export function terminalTheme(): ITheme {
  const [ink, surface, faint, muted] = ['--color-ink', '--color-surface', '--color-faint', '--color-muted'].map(token)
  const [bad, ok, warn, busy, accent] = [
    '--color-bad',
    '--color-ok',
    '--color-warn',
    '--color-busy',
    '--color-accent',
  ].map(token)
  return {
    foreground: ink!,
    background: surface!,
    cursor: accent!,
    cursorAccent: surface!,
    selectionBackground: `${accent!.replace('rgb(', 'rgba(').replace(')', ', 0.3)')}`,
    black: ink!,
    brightBlack: faint!,
    white: muted!,
    brightWhite: ink!,
    red: bad!,
    brightRed: bad!,
    green: ok!,
    brightGreen: ok!,
    yellow: warn!,
    brightYellow: warn!,
    blue: busy!,
    brightBlue: busy!,
    magenta: accent!,
    brightMagenta: accent!,
    cyan: busy!,
    brightCyan: busy!,
  }
}

export interface ScreenTerminal {
  terminal: Terminal
  fit: FitAddon
  search: SearchAddon
}

/** A terminal drawn by the GPU where there is one, by the DOM otherwise. */
export function createTerminal(host: HTMLElement): ScreenTerminal {
  const terminal = new Terminal({
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--font-mono').trim(),
    fontSize: 12,
    lineHeight: 1.25,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    scrollback: 10_000,
    allowProposedApi: true,
    theme: terminalTheme(),
    minimumContrastRatio: 4.5,
    screenReaderMode: false,
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  terminal.loadAddon(fit)
  terminal.loadAddon(search)
  terminal.open(host)
  void useGpu(terminal)
  return { terminal, fit, search }
}

async function useGpu(terminal: Terminal): Promise<void> {
  const probe = document.createElement('canvas').getContext('webgl2')
  if (!probe) return
  probe.getExtension('WEBGL_lose_context')?.loseContext()
  try {
    const { WebglAddon } = await import('@xterm/addon-webgl')
    const addon = new WebglAddon()
    addon.onContextLoss(() => addon.dispose())
    terminal.loadAddon(addon)
  } catch {
    // The DOM renderer, already in place, does the same more slowly.
  }
}
