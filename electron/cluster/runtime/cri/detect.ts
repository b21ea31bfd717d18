import { existsSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { readState, whyNoNetwork } from './cni.ts'
import { CriConnection, isUnimplemented } from './connection.ts'

/** Where containerd and CRI-O listen unless told otherwise. */
const usualSockets = ['/run/containerd/containerd.sock', '/run/crio/crio.sock']
const patience = 5000

export type Detected = { socket: string } | { why: string }

/** The socket of a container runtime that answers: the given one, as a path or a unix:// URL, else a usual one. Never rejects. */
export async function detectRuntime(clock: Clock, given?: string): Promise<Detected> {
  const candidates = given === undefined ? usualSockets : [given.replace(/^unix:(\/\/)?/, '')]
  const problems: string[] = []
  for (const socket of candidates.filter((candidate) => existsSync(candidate))) {
    const problem = await tryOut(socket, clock)
    if (problem === undefined) return { socket }
    problems.push(problem)
  }
  return { why: problems.length ? problems.join('; ') : `there is no container runtime at ${candidates.join(' or ')}` }
}

/** What is wrong; undefined when nothing is. */
async function tryOut(socket: string, clock: Clock): Promise<string | undefined> {
  const cri = new CriConnection(socket, clock)
  try {
    await cri.call('Version', {}, { limit: patience })
    return whyNoNetwork(await readState(cri))
  } catch (error) {
    return isUnimplemented(error)
      ? `the container runtime at ${socket} does not speak CRI v1: enable the CRI plug-in in its configuration`
      : `the container runtime at ${socket} does not answer: ${(error as Error).message}`
  } finally {
    cri[Symbol.dispose]()
  }
}
