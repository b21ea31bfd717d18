import type { Component } from 'vue'

export type MenuEntry =
  | { kind: 'separator' }
  | { kind: 'heading'; text: string }
  | {
      kind?: 'item'
      text: string
      icon?: Component | undefined
      keys?: string | undefined
      danger?: boolean
      checked?: boolean
      disabled?: boolean
      /** Stays open when chosen: for lists of checks. */
      sticky?: boolean
      run(): void
    }
