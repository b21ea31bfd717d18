import http from 'node:http'

export interface HttpAnswer {
  code: number
  body: string
}

/** One request on a connection of its own, as curl makes it; `host`: which it names instead of the one it goes to. Rejects when the connection fails or breaks. */
export function curl(
  url: string,
  { method = 'GET', host, timeoutMs = 5000 }: { method?: string; host?: string; timeoutMs?: number } = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method, agent: false, headers: { connection: 'close', ...(host ? { host } : {}) }, timeout: timeoutMs },
      (response) => {
        let body = ''
        response.on('data', (chunk) => (body += chunk))
        response.on('end', () =>
          response.complete
            ? resolve({ code: response.statusCode!, body })
            : reject(new Error(`${url}: the answer broke off`)),
        )
        response.on('error', reject)
      },
    )
    request.on('timeout', () => request.destroy(new Error(`${url}: no answer in ${timeoutMs} ms`)))
    request.on('error', reject)
    request.end()
  })
}

/** Requests one after the other until stopped; answers how many succeeded and what went wrong. */
export function curlLoop(url: string): { stop(): Promise<{ succeeded: number; failures: string[] }> } {
  let running = true
  let succeeded = 0
  const failures: string[] = []
  const done = (async () => {
    while (running) {
      try {
        const { code } = await curl(url)
        if (code === 200) succeeded++
        else failures.push(`answered ${code}`)
      } catch (error) {
        failures.push(String(error))
      }
    }
  })()
  return {
    async stop() {
      running = false
      await done
      return { succeeded, failures }
    },
  }
}
