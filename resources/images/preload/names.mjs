// Names as the pod's /etc/hosts and /etc/resolv.conf have them. The resolvers of the machine cannot be told to ask the
// cluster's DNS, which has no port 53 here.
import dns from 'node:dns'
import fs from 'node:fs'
import net from 'node:net'
import { whereIs } from './agent.mjs'

const methods = [
  ...['Any', 'Caa', 'Cname', 'Mx', 'Naptr', 'Ns', 'Ptr', 'Soa', 'Srv', 'Tlsa', 'Txt', '4', '6', ''].map(
    (type) => `resolve${type}`,
  ),
  'reverse',
]
const systemLookup = dns.lookup
const Resolver = dns.promises.Resolver

/** Makes dns.lookup, dns.resolve and the resolvers ask the pod's servers. */
export function nameCluster() {
  dns.lookup = (name, given, callback = given) => {
    const options = typeof given === 'function' ? {} : typeof given === 'number' ? { family: given } : (given ?? {})
    lookup(name, options.family).then(
      (found) => {
        if (options.all) callback(null, found)
        else callback(null, found[0].address, found[0].family)
      },
      (error) => callback(error),
    )
  }
  dns.promises.lookup = async (name, given = {}) => {
    const options = typeof given === 'number' ? { family: given } : given
    const found = await lookup(name, options.family)
    return options.all ? found : found[0]
  }
  for (const api of [dns, dns.promises]) {
    const Led = ledResolver(api.Resolver)
    const standard = new Led()
    api.Resolver = Led
    for (const name of methods) if (api[name]) api[name] = (...args) => standard[name](...args)
    api.getServers = () => standard.getServers()
    api.setServers = (servers) => standard.setServers(servers)
  }
}

/** A resolver that is led to its servers before it asks the first time. */
function ledResolver(Base) {
  class Led extends Base {
    #servers = configuration().servers
    #led

    getServers() {
      return this.#servers
    }

    setServers(servers) {
      this.#servers = [...servers]
      this.#led = undefined
    }

    lead() {
      return (this.#led ??= Promise.all(this.#servers.map(ledServer)).then((servers) => super.setServers(servers)))
    }
  }
  for (const name of methods) {
    const method = Base.prototype[name]
    if (!method) continue
    Led.prototype[name] = function (...args) {
      const callback = args.at(-1)
      const led = this.lead().then(() => method.apply(this, args))
      if (typeof callback === 'function') led.catch(callback)
      else return led
    }
  }
  return Led
}

async function ledServer(server) {
  const port = net.isIP(server) ? 53 : Number(/:(\d+)$/.exec(server)?.[1] ?? 53)
  const ip = net.isIP(server) ? server : server.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  const place = await whereIs(ip, port)
  return place.host === undefined ? server : `${place.host}:${place.port}`
}

/** One address of a host, by the program's own lookup if it has one. */
export async function addressOf(host, family, ownLookup) {
  if (net.isIP(host)) return host
  if (!ownLookup || ownLookup === dns.lookup || ownLookup === systemLookup)
    return (await lookup(host, family))[0].address
  return new Promise((resolve, reject) =>
    ownLookup(host, { family, all: false }, (error, found) => {
      if (error) reject(error)
      else resolve(Array.isArray(found) ? found[0].address : found)
    }),
  )
}

/** As getaddrinfo does it: hosts first, then every search domain in turn. */
async function lookup(name, family = 0) {
  const wanted = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family
  if (net.isIP(name)) return [{ address: name, family: net.isIP(name) }]
  if (/^(.*\.)?localhost\.?$/i.test(name))
    return [wanted === 6 ? { address: '::1', family: 6 } : { address: '127.0.0.1', family: 4 }]
  const known = inHosts(name.toLowerCase()).filter((entry) => !wanted || entry.family === wanted)
  if (known.length) return known
  const resolver = new Resolver()
  resolver.setServers(await Promise.all(configuration().servers.map(ledServer)))
  let failure = 'ENOTFOUND'
  for (const candidate of candidates(name)) {
    for (const type of wanted ? [wanted] : [4, 6]) {
      try {
        const found = await (type === 4 ? resolver.resolve4(candidate) : resolver.resolve6(candidate))
        if (found.length) return found.map((address) => ({ address, family: type }))
      } catch ({ code }) {
        if (code === 'ENOTFOUND') break
        if (code !== 'ENODATA') failure = 'EAI_AGAIN'
      }
    }
  }
  throw Object.assign(new Error(`getaddrinfo ${failure} ${name}`), {
    errno: failure === 'ENOTFOUND' ? -3008 : -3001,
    code: failure,
    syscall: 'getaddrinfo',
    hostname: name,
  })
}

function candidates(name) {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const { searches, dots } = configuration()
  const searched = searches.map((domain) => `${name}.${domain}`)
  return name.split('.').length > dots ? [name, ...searched] : [...searched, name]
}

function configuration() {
  const text = read('/etc/resolv.conf')
  return {
    servers: [...text.matchAll(/^nameserver\s+(\S+)/gm)].map((match) => match[1]),
    searches: /^search\s+(.+)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [],
    dots: Number(/\bndots:(\d+)/.exec(text)?.[1] ?? 1),
  }
}

const inHosts = (name) =>
  read('/etc/hosts')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([, ...names]) => names.some((known) => known.toLowerCase() === name))
    .map(([address]) => ({ address, family: net.isIP(address) }))

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
