// The conversation with the node agent: what this program listens on, and where an address of the cluster is.
// WHEELHOUSE_NETWORK is `<sandbox>@<socket of the agent>`.
import net from 'node:net'

const [sandbox, agentSocket] = (process.env.WHEELHOUSE_NETWORK ?? '').split('@')
const retryMs = 100
/** An agent that is replaced is away for a moment; a program that connects meanwhile waits for the next one. */
const patienceMs = 5000

export const mapped = Boolean(sandbox && agentSocket)
/** Node's own, before this preload changes it. */
export const connect = net.Socket.prototype.connect

/** By the port that was asked for. Told to every agent anew. */
const reports = new Map()
/** By number: those that have no answer yet. */
const questions = new Map()
let numbers = 0
let socket

export function report(containerPort, hostPort, loopback) {
  reports.set(containerPort, { sandbox, containerPort, hostPort, loopback })
  send(reports.get(containerPort))
}

export const withdraw = (containerPort) => reports.delete(containerPort)

/** Resolves with `{ host, port }`, `{ refused: true }`, or neither where the address leads where it says. */
export function whereIs(ip, port) {
  const question = ++numbers
  return new Promise((resolve) => {
    const timer = setTimeout(() => answer({ question, refused: true }), patienceMs)
    questions.set(question, { line: { sandbox, question, ip, port }, resolve, timer })
    send(questions.get(question).line)
    // While somebody waits for an answer, the program lives.
    socket?.ref()
  })
}

function answer({ question, ...place }) {
  const asked = questions.get(question)
  if (!asked) return
  clearTimeout(asked.timer)
  questions.delete(question)
  if (!questions.size) socket?.unref()
  asked.resolve(place)
}

function send(line) {
  if (!socket) open()
  else if (!socket.connecting) write(line)
}

const write = (line) => socket.write(JSON.stringify(line) + '\n')

function open() {
  socket = new net.Socket()
  connect.call(socket, { path: agentSocket })
  if (!questions.size) socket.unref()
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('connect', () => {
    for (const line of reports.values()) write(line)
    for (const { line } of questions.values()) write(line)
  })
  socket.on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) answer(JSON.parse(line))
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    socket = undefined
    const again = () => {
      if (!socket && (reports.size || questions.size)) open()
    }
    setTimeout(again, retryMs).unref()
  })
}
