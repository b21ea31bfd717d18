import type { RouteRecordRaw } from 'vue-router'

/** A feature as app/features.ts lists it. Features meet only through what they register here. */
export interface Feature {
  name: string
  /** English, by key below the feature's name. */
  messages: Record<string, unknown>
  /** Pages, below `/c/:context/`. */
  pages?: readonly RouteRecordRaw[]
  /** Pages of their own, outside of any context. */
  topPages?: readonly RouteRecordRaw[]
  /** Commands, actions, panels: after the stores exist, before the page is drawn. */
  install?(): void
}
