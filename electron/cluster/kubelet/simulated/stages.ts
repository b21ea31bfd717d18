/** How simulated pods live, as data: the first stage whose conditions hold is entered after its delay. */
export interface PodStage {
  name: string
  when: {
    deleted: boolean
    /** Phases in which the stage is entered; any when absent. */
    phase?: readonly string[]
    /** Whether it is ready; any when absent. */
    ready?: boolean
    /** Kind of the controlling owner; any when absent. */
    owner?: string
  }
  /** Milliseconds, drawn evenly from the range. */
  delay: { from: number; to: number }
  next: 'run' | 'succeed' | 'remove'
}

export const podStages: readonly PodStage[] = [
  { name: 'pod-remove', when: { deleted: true }, delay: { from: 50, to: 250 }, next: 'remove' },
  { name: 'pod-run', when: { deleted: false, phase: ['Pending'] }, delay: { from: 100, to: 500 }, next: 'run' },
  // Whoever took its node for dead has called it unready.
  {
    name: 'pod-ready-again',
    when: { deleted: false, phase: ['Running'], ready: false },
    delay: { from: 100, to: 500 },
    next: 'run',
  },
  {
    name: 'job-succeed',
    when: { deleted: false, phase: ['Running'], owner: 'Job' },
    delay: { from: 1000, to: 3000 },
    next: 'succeed',
  },
]

/** How often a simulated node says that it lives: half as often as a real one, which its lease of 40 s allows. */
export const nodeHeartbeat = { lease: 20_000, status: 300_000 }

export interface StagedPod {
  deleted: boolean
  phase: string
  ready: boolean
  owner: string | undefined
}

export const stageOf = (pod: StagedPod, stages: readonly PodStage[] = podStages): PodStage | undefined =>
  stages.find(
    ({ when }) =>
      when.deleted === pod.deleted &&
      (!when.phase || when.phase.includes(pod.phase)) &&
      (when.ready === undefined || when.ready === pod.ready) &&
      (!when.owner || when.owner === pod.owner),
  )
