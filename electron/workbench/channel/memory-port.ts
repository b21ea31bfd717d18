import type { Frame, FramePort } from '#shared/ipc/channel.ts'

/** Two ports joined back to back, for tests. Frames cross as structured clones, like those of a real port. */
export function memoryPorts(): [FramePort, FramePort] {
  const ends = [new MemoryPort(), new MemoryPort()] as const
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return [ends[0], ends[1]]
}

class MemoryPort implements FramePort {
  other!: MemoryPort
  #receivers: ((frame: Frame) => void)[] = []
  #closers: (() => void)[] = []

  send(frame: Frame): void {
    const copy = structuredClone(frame)
    queueMicrotask(() => {
      for (const receive of this.other.#receivers) receive(copy)
    })
  }

  onFrame(callback: (frame: Frame) => void): void {
    this.#receivers.push(callback)
  }

  onClose(callback: () => void): void {
    this.#closers.push(callback)
  }

  close(): void {
    for (const end of [this, this.other]) for (const callback of end.#closers.splice(0)) callback()
  }
}
