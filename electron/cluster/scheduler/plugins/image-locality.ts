import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { Plugin } from './api.ts'

const megabyte = 1024 * 1024
/** Sizes below and above which images make no difference; the upper one counts per container. */
const least = 23 * megabyte
const most = 1000 * megabyte

const withTag = (image: string): string =>
  image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image

const imageVolumes = ({ spec }: Frozen<Pod>): string[] =>
  ((spec?.volumes ?? []) as readonly { image?: { reference?: string } }[]).flatMap(({ image }) =>
    image?.reference ? [withTag(image.reference)] : [],
  )

/**
 * The more of the pod's images a node has, by size, the better; those that many nodes have count for more, lest all
 * pods flock to the one node that pulled first.
 */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  weight: 1,
  score({ pod }, state) {
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
    const images = [...containers.map(({ image = '' }) => withTag(image)), ...imageVolumes(pod)]
    const known = images.filter((image) => state.images.has(image))
    const total = state.nodes().length
    const highest = most * images.length
    return {
      score(node) {
        let sum = 0
        for (const image of known) {
          const size = node.images.get(image)
          if (size !== undefined) sum += Math.trunc(size * (state.images.get(image)! / total))
        }
        const bounded = Math.min(Math.max(sum, least), highest)
        return Math.floor((100 * (bounded - least)) / (highest - least))
      },
    }
  },
}
