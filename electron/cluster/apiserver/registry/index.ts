import { kinds as admissionregistration } from './admissionregistration/index.ts'
import { kinds as apiextensions } from './apiextensions/index.ts'
import { kinds as apiregistration } from './apiregistration/index.ts'
import { kinds as apps } from './apps/index.ts'
import { kinds as autoscaling } from './autoscaling/index.ts'
import { kinds as batch } from './batch/index.ts'
import { kinds as certificates } from './certificates/index.ts'
import { kinds as coordination } from './coordination/index.ts'
import { kinds as core } from './core/index.ts'
import { kinds as discovery } from './discovery/index.ts'
import { kinds as events } from './events/index.ts'
import { kinds as flowcontrol } from './flowcontrol/index.ts'
import type { KindDefinition } from './kind.ts'
import { kinds as networking } from './networking/index.ts'
import { kinds as node } from './node/index.ts'
import { kinds as policy } from './policy/index.ts'
import { kinds as rbac } from './rbac/index.ts'
import { kinds as resource } from './resource/index.ts'
import { kinds as scheduling } from './scheduling/index.ts'
import { kinds as storage } from './storage/index.ts'

/** Every kind that the store serves; the reviews of authentication and authorization come from their own folders. */
export const kinds: readonly KindDefinition[] = [
  ...core,
  ...admissionregistration,
  ...apiextensions,
  ...apiregistration,
  ...apps,
  ...autoscaling,
  ...batch,
  ...certificates,
  ...coordination,
  ...discovery,
  ...events,
  ...flowcontrol,
  ...networking,
  ...node,
  ...policy,
  ...rbac,
  ...resource,
  ...scheduling,
  ...storage,
]
