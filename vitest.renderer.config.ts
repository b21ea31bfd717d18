import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [vue()],
  test: {
    name: 'renderer',
    include: ['renderer/**/*.test.ts'],
    environment: 'jsdom',
    isolate: false,
    testTimeout: 20_000,
  },
})
