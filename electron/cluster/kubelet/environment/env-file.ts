/**
 * The value of a variable in an environment file; undefined where it is not set there. Lines are `NAME='value'`, where the
 * value may go over several lines; blank lines and comments are left out. Throws where a line before it is anything else.
 * Source: pkg/kubelet/util/env/env_util.go, whose texts these are.
 */
export function valueInEnvFile(text: string, wanted: string): string | undefined {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (let i = 0; i < lines.length; i++) {
    const at = `invalid environment variable format at line ${i + 1}`
    const line = lines[i]!.replace(/^[ \t]+/, '')
    if (line === '' || line.startsWith('#')) continue
    const sign = line.indexOf('=')
    if (sign < 0) throw new Error(`${at}: missing '='`)
    const name = line.slice(0, sign)
    if (!name.trim()) throw new Error(`${at}: empty variable name`)
    if (/[ \t]$/.test(name)) throw new Error(`${at}: whitespace before '=' is not allowed`)
    let rest = line.slice(sign + 1)
    // As in a shell, where the value would be a command.
    if (/^[ \t]/.test(rest)) {
      if (name === wanted) return undefined
      continue
    }
    if (!rest.startsWith("'")) throw new Error(`${at}: value must be enclosed in single quotes`)
    rest = rest.slice(1)
    const begun = i + 1
    while (!rest.includes("'")) {
      if (++i >= lines.length)
        throw new Error(`invalid environment variable format starting at line ${begun}: unclosed single quote`)
      rest += `\n${lines[i]}`
    }
    const end = rest.indexOf("'")
    if (!/^[ \t]*(#.*)?$/.test(rest.slice(end + 1)))
      throw new Error(`invalid environment variable format at line ${i + 1}: unexpected content after closing quote`)
    if (name === wanted) return rest.slice(0, end) || undefined
  }
  return undefined
}
