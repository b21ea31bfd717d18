import { defineConfig } from 'vitest/config'

/** Units that work on the machine itself: processes, network namespaces, disks. They wait more than they compute. */
const machine = [
  'electron/cluster/runtime/**/*.test.ts',
  'electron/cluster/network/**/*.test.ts',
  'electron/cluster/store/lmdb*.test.ts',
  'electron/cluster/store/etcd/*.test.ts',
  'resources/**/*.test.ts',
]

/** Real processes on a machine that is shared: a second attempt is allowed, and `npm test` names who needed it. */
const retry = 1

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['shared/**/*.test.ts', 'electron/**/*.test.ts'],
          exclude: machine,
          environment: 'node',
          // Loading the modules anew for every file would take longer than the tests.
          isolate: false,
          testTimeout: 20_000,
        },
      },
      './vitest.renderer.config.ts',
      {
        test: {
          name: 'machine',
          include: machine,
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          retry,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          retry,
        },
      },
    ],
  },
})
