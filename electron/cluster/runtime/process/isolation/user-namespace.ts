import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** All users there are, each as itself. */
const everybody = '0 0 4294967295\n'

/**
 * A user namespace in which all users are who they are outside, and whose root has no power over what is not made in it:
 * no device, no setting of the kernel, no network of others. No other one can be made in it.
 * `path` opens it, as long as this process holds it; no trace is left when it does not.
 */
export async function openUserNamespace({
  unshare,
  sh,
}: {
  unshare: string
  sh: string
}): Promise<{ path: string } & Disposable> {
  // The first shell has lost its privileges by the time there is a root: only a program that is started then has them.
  const script =
    'echo ready; read -r go; exec "$0" -c "echo 0 > /proc/sys/user/max_user_namespaces && echo made; read -r go"'
  const child = spawn(unshare, ['--user', sh, '-c', script, sh], { stdio: ['pipe', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  const ended = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const hear = async (expected: string) => {
    const { value } = (await lines.next()) as { value?: string }
    if (value !== expected) throw new Error(errors.trim() || 'a user namespace cannot be made')
  }
  try {
    await hear('ready')
    for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, everybody)
    child.stdin.write('go\n')
    await hear('made')
    const descriptor = openSync(`/proc/${child.pid}/ns/user`, 'r')
    return { path: `/proc/${process.pid}/fd/${descriptor}`, [Symbol.dispose]: () => closeSync(descriptor) }
  } finally {
    child.stdin.on('error', () => {})
    child.stdin.destroy()
    child.kill('SIGKILL')
    await ended
  }
}
