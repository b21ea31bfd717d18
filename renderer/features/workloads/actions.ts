import { CirclePause, ImageIcon, Pause, Play, RotateCcw, RotateCw, Scaling, Undo2 } from '@lucide/vue'
import type { Deployment } from 'kubernetes-types/apps/v1'
import type { CronJob } from 'kubernetes-types/batch/v1'
import type { Component } from 'vue'
import { useActions, type ObjectAction } from '../../app/actions.ts'
import { useDialogs } from '../../app/dialogs.ts'
import { t, tn } from '../../app/i18n.ts'
import { useNotices } from '../../app/notices.ts'
import { objectRefOf, type ObjectTarget } from '../../app/target.ts'
import { useWorkspace } from '../../app/workspace.ts'
import ImageDialog from './ImageDialog.vue'
import RollbackDialog from './RollbackDialog.vue'
import ScaleDialog from './ScaleDialog.vue'
import { canPause, canRoll, canScale, isCronJob, isJob } from './scalable.ts'

export function registerWorkloadActions(): void {
  const dialogs = useDialogs()
  const notices = useNotices()
  const channel = () => useWorkspace().channel()
  const dialog =
    (component: Component) =>
    ([target]: readonly ObjectTarget[]): void =>
      dialogs.open(component, { target })
  /** A job is made from each target. */
  const runJobs = (method: 'workload.trigger' | 'workload.rerun') => async (targets: readonly ObjectTarget[]) => {
    for (const target of targets) {
      const job = await channel().request(method, objectRefOf(target))
      notices.done(t('workloads.triggered', { job }))
    }
  }
  const actions: ObjectAction[] = [
    {
      id: 'scale',
      title: t('workloads.scale'),
      icon: Scaling,
      keys: ['s'],
      group: 'change',
      applies: canScale,
      run: dialog(ScaleDialog),
    },
    {
      id: 'restart',
      title: t('workloads.restart'),
      icon: RotateCw,
      keys: ['r'],
      group: 'change',
      many: true,
      applies: canRoll,
      async run(targets) {
        await Promise.all(targets.map((target) => channel().request('workload.restart', objectRefOf(target))))
        notices.done(tn('workloads.restarted', targets.length, { name: targets[0]!.name }))
      },
    },
    {
      id: 'setImage',
      title: t('workloads.setImage'),
      icon: ImageIcon,
      keys: ['i'],
      group: 'change',
      applies: canRoll,
      run: dialog(ImageDialog),
    },
    {
      id: 'rollback',
      title: t('workloads.rollback'),
      icon: Undo2,
      keys: ['u'],
      group: 'change',
      applies: canRoll,
      run: dialog(RollbackDialog),
    },
    {
      id: 'pauseResume',
      title: t('workloads.pauseResume'),
      icon: Pause,
      group: 'change',
      many: true,
      applies: canPause,
      async run(targets) {
        for (const target of targets) {
          const deployment = (await channel().request('object.get', objectRefOf(target))) as Deployment
          const paused = deployment.spec?.paused !== true
          await channel().request('workload.pause', { ...objectRefOf(target), paused })
          notices.done(t(paused ? 'workloads.paused' : 'workloads.resumed', { name: target.name }))
        }
      },
    },
    {
      id: 'trigger',
      title: t('workloads.trigger'),
      icon: Play,
      keys: ['t'],
      group: 'do',
      many: true,
      applies: isCronJob,
      run: runJobs('workload.trigger'),
    },
    {
      id: 'rerun',
      title: t('workloads.rerun'),
      icon: RotateCcw,
      keys: ['t'],
      group: 'do',
      many: true,
      applies: isJob,
      run: runJobs('workload.rerun'),
    },
    {
      id: 'suspendResume',
      title: t('workloads.suspendResume'),
      icon: CirclePause,
      group: 'change',
      many: true,
      applies: (resource) => isCronJob(resource) || isJob(resource),
      async run(targets) {
        for (const target of targets) {
          const { spec } = (await channel().request('object.get', objectRefOf(target))) as CronJob
          const suspend = spec?.suspend !== true
          await channel().request('workload.suspend', { ...objectRefOf(target), suspend })
          notices.done(t(suspend ? 'workloads.suspended' : 'workloads.unsuspended', { name: target.name }))
        }
      },
    },
  ]
  useActions().register(actions)
}
