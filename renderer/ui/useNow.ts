import { onScopeDispose, readonly, ref, type Ref } from 'vue'

const second = ref(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time, one tick a second for everyone who shows an age. Stops when nobody looks. */
export function useNow(): Readonly<Ref<number>> {
  if (users++ === 0) {
    second.value = Date.now()
    timer = setInterval(() => (second.value = Date.now()), 1000)
  }
  onScopeDispose(() => {
    if (--users === 0) clearInterval(timer)
  })
  return readonly(second)
}
