import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { unlessGone, type EngineConnection } from './connection.ts'

/**
 * What holds a pod's namespaces: a program of a few instructions, which leaves its children to the kernel (SIGCHLD is
 * ignored) and waits for ever. By the name that Go has for the machine it is for.
 */
const programs = {
  amd64: {
    machine: 62,
    code: [
      [0xb8, 13, 0, 0, 0], // mov eax, rt_sigaction
      [0xbf, 17, 0, 0, 0], // mov edi, SIGCHLD
      [0x48, 0x8d, 0x35, 23, 0, 0, 0], // lea rsi, [rip + 23]: the action, behind the code
      [0x31, 0xd2], // xor edx, edx
      [0x41, 0xba, 8, 0, 0, 0], // mov r10d, 8: the size of a mask
      [0x0f, 0x05], // syscall
      [0xb8, 34, 0, 0, 0], // mov eax, pause
      [0x0f, 0x05], // syscall
      [0xeb, 0xf7], // jmp to the last mov
      [0x90, 0x90, 0x90, 0x90], // up to a multiple of 8
    ],
  },
  arm64: {
    machine: 183,
    code: [
      words(0xd28010c8), // mov x8, rt_sigaction
      words(0xd2800220), // mov x0, SIGCHLD
      words(0x10000181), // adr x1, 12 instructions on: the action, behind the code
      words(0xd2800002), // mov x2, 0
      words(0xd2800103), // mov x3, 8: the size of a mask
      words(0xd4000001), // svc 0
      words(0xd2800928), // mov x8, ppoll
      words(0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004), // mov x0 to x4, 0
      words(0xd4000001), // svc 0
      words(0x17fffff9), // b to the mov of ppoll
    ],
  },
} as const

type Architecture = keyof typeof programs

function words(...instructions: number[]): number[] {
  return instructions.flatMap((word) => [word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, word >>> 24])
}

/** Of the kernel's struct sigaction: SIG_IGN and SA_NOCLDWAIT, then nothing. */
const action = [1, 0, 0, 0, 0, 0, 0, 0, 2, ...Array<number>(23).fill(0)]

/** An executable without sections: both headers, then code and data in one segment. */
export function pauseProgram(architecture: Architecture): Buffer {
  const { machine, code } = programs[architecture]
  const content = [...code.flat(), ...action]
  const [header, segment] = [Buffer.alloc(64), Buffer.alloc(56)]
  const start = header.length + segment.length
  const address = 0x400000n
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) // ELF of 64 bits, the least significant byte first
  header.writeUInt16LE(2, 16) // an executable
  header.writeUInt16LE(machine, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(address + BigInt(start), 24) // entry
  header.writeBigUInt64LE(BigInt(header.length), 32) // where the segments' headers are
  header.writeUInt16LE(header.length, 52)
  header.writeUInt16LE(segment.length, 54)
  header.writeUInt16LE(1, 56)
  segment.writeUInt32LE(1, 0) // to be loaded
  segment.writeUInt32LE(5, 4) // to be read and executed
  segment.writeBigUInt64LE(address, 16)
  segment.writeBigUInt64LE(address, 24)
  segment.writeBigUInt64LE(BigInt(start + content.length), 32)
  segment.writeBigUInt64LE(BigInt(start + content.length), 40)
  segment.writeBigUInt64LE(0x1000n, 48)
  return Buffer.concat([header, segment, Buffer.from(content)])
}

const architectures: Readonly<Record<string, Architecture>> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
}

/** Names begin with it. */
const repository = 'localhost/wheelhouse-pause'
export const isPauseImage = (name: string): boolean => name.startsWith(`${repository}:`)

/** The name of the image in an engine, which is given it when it has none. Rejects where there is none for its machine. */
export async function ensurePauseImage({ engine, streams }: EngineConnection, machine: string): Promise<string> {
  const architecture = architectures[machine]
  if (!architecture) throw new Error(`pods cannot be run on ${machine}: amd64 and arm64 alone are known`)
  const program = pauseProgram(architecture)
  const name = `${repository}:${digestOf(program).slice(0, 12)}`
  if (await unlessGone(engine.getImage(name).inspect())) return name
  const answer = await streams.loadImage(Readable.from([await archiveOf(name, program, architecture)]))
  // It is there when all of the answer has been read.
  for await (const _ of answer);
  return name
}

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

/** As `docker save` writes them. */
async function archiveOf(name: string, program: Buffer, architecture: Architecture): Promise<Buffer> {
  const layer = await tar({ pause: program })
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture,
      config: { Entrypoint: ['/pause'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digestOf(layer)}`] },
    }),
  )
  const file = `${digestOf(config)}.json`
  const manifest = [{ Config: file, RepoTags: [name], Layers: ['layer.tar'] }]
  return tar({ [file]: config, 'layer.tar': layer, 'manifest.json': Buffer.from(JSON.stringify(manifest)) })
}

async function tar(files: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mode: 0o755, mtime: new Date(0) }, content)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
