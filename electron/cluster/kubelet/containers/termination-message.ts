import { open } from 'node:fs/promises'
import type { ContainerStatus as RuntimeStatus } from '../../runtime/api.ts'
import { lastLines } from '../logs/log-reader.ts'
import type { Container } from '../types.ts'

/** Source: kubecontainer.MaxContainerTerminationMessage…, in bytes and lines. */
const longest = 4096
const longestFromLog = 2048
const linesFromLog = 80

/** What a container left behind as it ended: the end of its message file or, if asked for, of its log. */
export async function terminationMessage(container: Container, status: RuntimeStatus, file: string): Promise<string> {
  const message = await tail(file)
  if (message) return message
  const failed = status.exitCode !== 0 && status.reason !== 'ContainerCannotRun'
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || !failed) return ''
  return lastLines(status.logPath, linesFromLog, longestFromLog).catch(
    (error: Error) => `Error on reading termination message from logs: ${error.message}`,
  )
}

async function tail(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, longest)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8')
  } finally {
    await file.close()
  }
}
