import type { Feature } from '../../app/feature.ts'
import { registerShellCommands } from './commands.ts'
import { messages } from './messages.ts'

export const shell: Feature = { name: 'shell', messages, install: registerShellCommands }
