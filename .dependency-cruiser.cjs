/** The imports that must never exist (docs: ARCHITECTURE.md, "Import laws"). Type-only imports count. */
const siblings = ['main', 'preload', 'workbench', 'cli']
const law = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

module.exports = {
  forbidden: [
    law('no-cycles', 'A cycle means that two files are one.', { pathNot: 'node_modules' }, { circular: true }),
    law(
      'shared-stands-alone',
      'shared/ runs anywhere.',
      { path: '^shared/' },
      { path: '^(electron|renderer|tests|scripts|resources)/' },
    ),
    law(
      'shared-without-node',
      'shared/ has no Node types.',
      { path: '^shared/', pathNot: '\\.test\\.ts$' },
      { dependencyTypes: ['core'] },
    ),
    law(
      'renderer-not-electron',
      'The renderer talks over the channel only.',
      { path: '^renderer/' },
      { path: '^electron/' },
    ),
    law(
      'electron-not-renderer',
      'The Electron side never sees the UI.',
      { path: '^electron/' },
      { path: '^renderer/' },
    ),
    law(
      'cluster-without-electron',
      'The cluster is plain Node.',
      { path: '^electron/cluster/' },
      { path: `^(node_modules/electron/|electron/(${siblings.join('|')})/)` },
    ),
    law(
      'electron-package-in-the-shell-only',
      'Only main and preload import the electron package.',
      { path: '^(electron|shared|renderer)/', pathNot: '^electron/(main|preload)/' },
      { path: '^node_modules/electron/' },
    ),
    law(
      'clients-of-the-api',
      'Controllers, scheduler, kubelet and network are clients like everyone.',
      { path: '^electron/cluster/(controllers|scheduler|kubelet|network)/' },
      { path: '^electron/cluster/(store|apiserver)/' },
    ),
    law(
      'store-below-apiserver',
      'The store knows nothing above it.',
      { path: '^electron/cluster/store/' },
      { path: '^electron/cluster/apiserver/' },
    ),
    law(
      'cel-stands-alone',
      'Server and scheduler both evaluate expressions; the language knows neither.',
      { path: '^electron/cluster/cel/' },
      { path: '^electron/cluster/(?!cel/|schema/|base/)' },
    ),
    law(
      'registry-not-transport',
      'Strategies know no HTTP.',
      { path: '^electron/cluster/apiserver/registry/' },
      { path: '^electron/cluster/apiserver/transport/' },
    ),
    law(
      'controllers-apart',
      'Controllers meet only in API objects.',
      { path: '^electron/cluster/controllers/([^/]+)/', pathNot: '^electron/cluster/controllers/framework/' },
      {
        path: '^electron/cluster/(controllers/([^/]+)|scheduler|kubelet)/',
        pathNot: ['^electron/cluster/controllers/$1/', '^electron/cluster/controllers/framework/'],
      },
    ),
    law(
      'kubelet-not-drivers',
      'cluster.ts chooses the runtime.',
      { path: '^electron/cluster/kubelet/' },
      { path: '^electron/cluster/runtime/[^/]+/', pathNot: '^electron/cluster/runtime/testing/' },
    ),
    law(
      'features-apart',
      'Features meet in app/ and data/.',
      { path: '^renderer/features/([^/]+)/' },
      { path: '^renderer/features/([^/]+)/', pathNot: '^renderer/features/$1/' },
    ),
    law(
      'ui-knows-no-kubernetes',
      'Design-system components stand alone.',
      { path: '^renderer/ui/' },
      { path: '^renderer/(data|features|app)/' },
    ),
    law(
      'source-not-tests',
      'Source never imports tests.',
      { path: '^(shared|electron|renderer)/', pathNot: '\\.test\\.ts$' },
      { path: '(^tests/|\\.test\\.ts$)' },
    ),
    law('nothing-unresolved', 'Every import resolves.', {}, { couldNotResolve: true, pathNot: '\\?(raw|worker|url)$' }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist|node_modules)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.vue', '.mjs', '.js', '.d.ts'],
    },
  },
}
