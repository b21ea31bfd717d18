export const messages = {
  open: 'Search or run a command',
  openKinds: 'Jump to a kind',
  placeholder: 'Search kinds, objects, namespaces, clusters and commands',
  kindPlaceholder: 'po, deploy, svc kube-system, ctx …',
  kinds: 'Kinds',
  objects: '{kind}',
  namespaces: 'Namespaces',
  clusters: 'Clusters',
  nothing: 'Nothing by that name',
  hintMove: 'move',
  hintRun: 'run',
  hintKinds: 'kinds only',
}
