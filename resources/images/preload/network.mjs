// Loaded before a program where pods have no network of their own. Whatever port the program listens on, it gets a free
// one of the loopback, and the node agent is told which; whatever it connects to, the agent is asked where that is.
import net from 'node:net'
import { syncBuiltinESMExports } from 'node:module'
import { connect, mapped, report, whereIs, withdraw } from './agent.mjs'
import { addressOf, nameCluster } from './names.mjs'

if (mapped) {
  const { listen, address } = net.Server.prototype
  net.Server.prototype.listen = function (...args) {
    const { port, host, rest } = wantedPort(args)
    if (port === undefined) return listen.apply(this, args)
    this.once('listening', () => {
      const bound = address.call(this)
      if (!bound || typeof bound === 'string') return
      const asked = port || bound.port
      // The program is told what it asked for.
      this.address = () => ({ address: host ?? '0.0.0.0', family: 'IPv4', port: asked })
      this.once('close', () => withdraw(asked))
      report(asked, bound.port, isLoopback(host))
    })
    return listen.call(this, { port: 0, host: '127.0.0.1' }, ...rest)
  }

  net.Socket.prototype.connect = function (...args) {
    const { options, callback } = wantedTarget(args)
    if (options === undefined) return connect.apply(this, args)
    if (callback) this.once('connect', callback)
    // What is written from now on waits for the connection.
    this.connecting = true
    lead(options).then(
      (target) => {
        if (!this.destroyed) connect.call(this, { ...options, ...target })
      },
      (error) => this.destroy(error),
    )
    return this
  }
  nameCluster()
  syncBuiltinESMExports()
}

/** Where to connect to instead. */
async function lead({ host = 'localhost', port, family, lookup }) {
  const ip = await addressOf(host, family, lookup)
  const place = await whereIs(ip, Number(port))
  if (place.refused) throw refusal(ip, Number(port))
  if (place.host === undefined) return { host: ip, lookup: undefined }
  return {
    host: place.host,
    port: place.port,
    family: 4,
    lookup: undefined,
    localAddress: undefined,
    localPort: undefined,
  }
}

const refusal = (address, port) =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}:${port}`), {
    errno: -111,
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address,
    port,
  })

/** The TCP port among listen's many forms, the host, and its callback; no port for pipes and handles. */
function wantedPort(args) {
  const rest = args.filter((argument) => typeof argument === 'function')
  const [first, second] = args
  if (first === undefined || first === null || typeof first === 'function') return { port: 0, rest }
  if (typeof first === 'object')
    return {
      port: !first.path && 'port' in first ? Number(first.port) : undefined,
      host: first.host,
      rest,
    }
  const host = typeof second === 'string' ? second : undefined
  return { port: /^\d+$/.test(String(first)) ? Number(first) : undefined, host, rest }
}

const isLoopback = (host) => host !== undefined && /^(localhost|::1|127\..*)$/.test(host)

/** The options and the callback among connect's many forms; no options for pipes. */
function wantedTarget(args) {
  // What net.connect has normalized comes as one array.
  const [first, ...more] = Array.isArray(args[0]) ? args[0] : args
  const callback = more.findLast((argument) => typeof argument === 'function')
  if (first !== null && typeof first === 'object')
    return !first.path && first.port !== undefined ? { options: first, callback } : {}
  if (!/^\d+$/.test(String(first))) return {}
  return { options: { port: Number(first), ...(typeof more[0] === 'string' ? { host: more[0] } : {}) }, callback }
}
