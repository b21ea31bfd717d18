// The system packages that the suites need, installed where that can be done: on Debian, as root.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Commands, and files that are not on a path, with the package that brings them. */
const commands = {
  chromium: 'chromium',
  bwrap: 'bubblewrap',
  nft: 'nftables',
  ip: 'iproute2',
  strace: 'strace',
  openssl: 'openssl',
  curl: 'curl',
  kubectl: 'kubernetes-client',
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  busybox: 'busybox-static',
  containerd: 'containerd',
  runc: 'runc',
  '/usr/lib/cni/ptp': 'containernetworking-plugins',
  dockerd: 'docker.io',
  podman: 'podman',
}

const present = (command) =>
  command.startsWith('/')
    ? existsSync(command)
    : (process.env.PATH ?? '')
        .split(':')
        .concat('/usr/sbin', '/sbin')
        .some((folder) => existsSync(`${folder}/${command}`))

/** Installs what is missing; answers the commands that still are. */
export function installSystemPackages() {
  const missing = () => Object.keys(commands).filter((command) => !present(command))
  const wanted = missing().map((command) => commands[command])
  if (wanted.length && existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    console.error(`Installing ${wanted.join(', ')}…`)
    const apt = (...args) =>
      spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
        stdio: ['ignore', 'ignore', 2],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
    apt('update')
    apt('install', '-y', '--no-install-recommends', ...wanted)
  }
  return missing()
}
