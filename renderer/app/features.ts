import type { Feature } from './feature.ts'
import { access } from '../features/access/index.ts'
import { capacity } from '../features/capacity/index.ts'
import { config } from '../features/config/index.ts'
import { deletion } from '../features/deletion/index.ts'
import { detail } from '../features/detail/index.ts'
import { editor } from '../features/editor/index.ts'
import { logs } from '../features/logs/index.ts'
import { network } from '../features/network/index.ts'
import { nodes } from '../features/nodes/index.ts'
import { overview } from '../features/overview/index.ts'
import { palette } from '../features/palette/index.ts'
import { shell } from '../features/shell/index.ts'
import { tables } from '../features/tables/index.ts'
import { trace } from '../features/trace/index.ts'
import { terminal } from '../features/terminal/index.ts'
import { welcome } from '../features/welcome/index.ts'
import { workloads } from '../features/workloads/index.ts'

/** All features. Their order is that of sections in the palette, in the list of keys and in menus of one group. */
export const features: readonly Feature[] = [
  shell,
  palette,
  tables,
  detail,
  logs,
  terminal,
  editor,
  workloads,
  network,
  nodes,
  capacity,
  config,
  access,
  trace,
  overview,
  welcome,
  deletion,
]
