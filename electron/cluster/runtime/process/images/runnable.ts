/** What every image says of how to run it. */
export interface Runnable {
  id: string
  entrypoint: readonly string[]
  cmd: readonly string[]
  env: Readonly<Record<string, string>>
  workingDir: string
  stopSignal: string
}
