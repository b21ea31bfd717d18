import { authorizer } from './authorizer.ts'
import { formats } from './formats.ts'
import { lists } from './lists.ts'
import { network } from './network.ts'
import type { Overload } from './overload.ts'
import { quantities } from './quantities.ts'
import { regexes } from './regexes.ts'
import { semvers } from './semver.ts'
import { sets } from './sets.ts'
import { strings } from './strings.ts'
import { urls } from './urls.ts'

/** What Kubernetes 1.36 adds to CEL in every environment. Source: apiserver/pkg/cel/environment/base.go. */
export const kubernetesLibraries: readonly Overload[] = [
  ...urls,
  ...regexes,
  ...lists,
  ...strings,
  ...sets,
  ...quantities,
  ...network,
  ...formats,
  ...semvers,
  ...authorizer,
]
