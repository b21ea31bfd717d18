import { defineAsyncComponent, type Component } from 'vue'

/** Tries of a part that did not come. */
const tries = 5

/**
 * A component whose code comes when it is first needed. It is asked for again when it does not come: browsers give up
 * what is on its way whenever the machine's networks change, which every start of a pod on this machine does.
 */
export const lazy = <T extends Component>(loader: () => Promise<T>, loadingComponent?: Component): T =>
  defineAsyncComponent({
    loader,
    ...(loadingComponent ? { loadingComponent, delay: 80 } : {}),
    onError(error, retry, fail, attempt) {
      if (attempt < tries) setTimeout(retry, 100 * 2 ** attempt)
      else fail()
    },
  })
