import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '#shared/kube/resources.ts'
import {
  hostDirectory,
  isHostDirectory,
  nodeOfHostDirectory,
  storageClassOf,
  storageProvisioner,
  volumesDirectory,
  type Claim,
} from '#shared/kube/storage.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { reconcile, type Observed } from './reconcile.ts'

const isAsked = ({ metadata, spec }: Claim): boolean =>
  !spec?.volumeName && metadata?.annotations?.[storageProvisioner] === hostDirectory

const claimKey = ({ metadata }: Claim): string => `claim/${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`
const volumeKey = (name = ''): string => `volume/${name}`

/** Makes volumes for the claims that ask for them, and deletes them when they are released. */
export function hostDirectoryProvisioner({ informers }: { informers: InformerFactory }): Controller {
  const claims = informers.for(persistentVolumeClaims)
  const volumes = informers.for(persistentVolumes)
  const classes = informers.for(storageClasses)
  const all = informers.for(nodes)
  const asking = claims.index('asking for a host directory', (claim) => (isAsked(claim) ? ['yes'] : []))
  const byNode = volumes.index('host directories by node', (volume) =>
    isHostDirectory(volume) ? [nodeOfHostDirectory(volume) ?? ''] : [],
  )
  const node = (name: string) => all.lister.get(name)
  return decider<Observed>({
    name: 'host-directory-provisioner',
    workers: 1,
    writesTo: [claims, volumes],
    watches: [
      watch(claims, (claim) => (isAsked(claim) ? [claimKey(claim)] : [])),
      watch(volumes, (volume) => {
        if (!isHostDirectory(volume)) return []
        const { namespace = '', name = '' } = volume.spec?.claimRef ?? {}
        return [volumeKey(volume.metadata?.name), `claim/${namespace}/${name}`]
      }),
      watch(classes, () => asking.get('yes').map(claimKey)),
      watch(all, (changed, old) => {
        // Reports of nodes come by the thousand: only one that is new may hold what waits.
        const { name = '' } = changed.metadata ?? {}
        if (old && isSame(changed, old)) return []
        return [
          ...asking.get('yes').map(claimKey),
          ...byNode.get(name).map(({ metadata }) => volumeKey(metadata?.name)),
        ]
      }),
    ],
    observe(key) {
      const slash = key.indexOf('/')
      const [what, name] = [key.slice(0, slash), key.slice(slash + 1)]
      if (what === 'volume') {
        const volume = volumes.lister.get(name)
        return volume && { volume, node }
      }
      const claim = claims.lister.get(name)
      if (!claim) return undefined
      return {
        claim,
        storageClass: classes.lister.get(storageClassOf(claim)),
        node,
        nodes: () => all.lister.list(),
        volumesOn: (place) => byNode.count(place),
      }
    },
    reconcile,
  })
}

type NodeView = Parameters<typeof readiness>[0]
const readiness = ({
  metadata,
  status,
}: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>>; readonly deletionTimestamp?: string }
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}): string =>
  [
    metadata?.deletionTimestamp,
    metadata?.annotations?.[volumesDirectory],
    status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  ].join()

const isSame = (a: NodeView, b: NodeView): boolean => readiness(a) === readiness(b)
