import type { KindDefinition } from '../kind.ts'
import { cronJob } from './cron-job.ts'
import { job } from './job.ts'

export const kinds: readonly KindDefinition[] = [cronJob, job]
