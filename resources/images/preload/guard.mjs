// A program must not outlive the pod's shim, its parent in the first place: without a process namespace nobody else ends it.
const shim = Number(process.env.WHEELHOUSE_SHIM ?? 0)
if (shim) {
  setInterval(() => {
    try {
      process.kill(shim, 0)
    } catch {
      process.kill(process.pid, 'SIGKILL')
    }
  }, 1000).unref()
}
