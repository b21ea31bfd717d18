import {
  Box,
  Boxes,
  CalendarClock,
  Circle,
  Copy,
  Database,
  FileKey,
  FileText,
  Gauge,
  HardDrive,
  KeyRound,
  Layers,
  ListChecks,
  Lock,
  Megaphone,
  Network,
  Puzzle,
  Route,
  Ruler,
  Server,
  Shield,
  SquareDashed,
  UserRound,
  Waypoints,
} from '@lucide/vue'
import type { Component } from 'vue'
import { familyOf, kindId } from '../data/kinds.ts'

const icons: Record<string, Component> = {
  pods: Box,
  'deployments.apps': Layers,
  'replicasets.apps': Copy,
  'statefulsets.apps': Database,
  'daemonsets.apps': Boxes,
  'jobs.batch': ListChecks,
  'cronjobs.batch': CalendarClock,
  'horizontalpodautoscalers.autoscaling': Gauge,
  services: Network,
  'ingresses.networking.k8s.io': Route,
  'networkpolicies.networking.k8s.io': Shield,
  'endpointslices.discovery.k8s.io': Waypoints,
  configmaps: FileText,
  secrets: KeyRound,
  limitranges: Ruler,
  resourcequotas: Gauge,
  persistentvolumeclaims: HardDrive,
  persistentvolumes: HardDrive,
  serviceaccounts: UserRound,
  nodes: Server,
  namespaces: SquareDashed,
  events: Megaphone,
}

export function iconOf(resource: { group: string; plural: string }): Component {
  const known = icons[kindId(resource)]
  if (known) return known
  const family = familyOf(resource)
  return family === 'access'
    ? Lock
    : family === 'custom'
      ? Puzzle
      : family === 'storage'
        ? HardDrive
        : family === 'cluster'
          ? FileKey
          : Circle
}
