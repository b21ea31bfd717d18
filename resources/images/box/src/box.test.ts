import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installBox } from '../testing/bundle.ts'

let box: Awaited<ReturnType<typeof installBox>>
let directory: string
beforeAll(async () => {
  box = await installBox()
  directory = mkdtempSync('/tmp/wh-box-')
}, 60_000)
afterAll(async () => {
  await box[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

const environment = () => ({ PATH: box.bin, HOME: directory })

interface Result {
  code: number
  output: string
  errors: string
}

function sh(script: string, input = ''): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      path.join(box.bin, 'sh'),
      ['-c', script],
      { cwd: directory, env: environment() },
      (error, output, errors) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, output, errors })
      },
    )
    child.stdin!.end(input)
  })
}

/** Script and what it writes; every one of them does the same in busybox. */
const cases: Record<string, readonly (readonly [script: string, output: string])[]> = {
  expansion: [
    ['a="x y"; echo $a "$a" \'$a\'', 'x y x y $a\n'],
    ['v=a.b.c; echo ${v%.*} ${v%%.*} ${v#*.} ${v##*.} ${#v} ${v/b/X}', 'a.b a b.c c 5 a.X.c\n'],
    ['echo ${nope:-default} ${nope:=set} $nope ${nope:+other}', 'default set set other\n'],
    ['echo $((1 + 2 * 3)) $((7 / 2)) $((0x10 | 1)) $((i = 4)) $((i++ + i))', '7 3 17 4 9\n'],
    ['set -- a "b c"; for x in "$@"; do echo "<$x>"; done; echo $#', '<a>\n<b c>\n2\n'],
    ['set --; for x in "$@"; do echo never; done; echo "[$*]"', '[]\n'],
    ['IFS=:; v=a:b::c; set -- $v; echo $#', '4\n'],
    ['echo "quoted $(echo "nested $(echo deep)") `echo old`"', 'quoted nested deep old\n'],
    ['a=\'back\\slash\'; b=$a; echo "$b"', 'back\\slash\n'],
    [
      'mkdir -p globs; cd globs; touch b.txt a.txt .hidden c.md; echo *.txt [ac]* none*',
      'a.txt b.txt a.txt c.md none*\n',
    ],
  ],
  commands: [
    ['if [ 1 -lt 2 ] && ! false; then echo yes; else echo no; fi', 'yes\n'],
    ['i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done', '1\n3\n'],
    ['case foo.txt in *.md) echo md;; *.txt|*.log) echo text;; esac', 'text\n'],
    ['f() { local v=inner; echo "$1 $v"; return 3; }; v=outer; f arg; echo $? $v', 'arg inner\n3 outer\n'],
    ['(cd /; x=1; exit 4); echo $? ${x-unset}', '4 unset\n'],
    ['x=$(exit 5); echo $?; false; echo $?; nosuch 2>/dev/null; echo $?', '5\n1\n127\n'],
    ['set -e; if false; then :; fi; false || true; echo on; false; echo never', 'on\n'],
    ['trap "echo bye" EXIT; echo hi', 'hi\nbye\n'],
    ["eval 'a=1; echo $a'; unset a; echo ${a-gone}", '1\ngone\n'],
    ['while getopts ab: o -a -b val rest; do echo "$o$OPTARG"; done', 'a\nbval\n'],
  ],
  pipes: [
    ['echo one two three | wc -w', '3\n'],
    ['seq 5 | while read n; do echo "n$n"; done | tail -n 2', 'n4\nn5\n'],
    ['printf "first\\nsecond\\nthird\\n" | { read x; echo "[$x]"; cat; }', '[first]\nsecond\nthird\n'],
    ['yes | head -n 2', 'y\ny\n'],
    ['{ echo out; echo err >&2; } 2>&1 >/dev/null | cat', 'err\n'],
    ['ls /nonexistent 2>&1 | grep -c "No such file"', '1\n'],
    ['echo x > f; echo y >> f; cat < f; exec 3>g; echo via3 >&3; exec 3>&-; cat g', 'x\ny\nvia3\n'],
    ["a=1; cat <<EOF; cat <<'EOF'\nis $a $(echo sub)\nEOF\nis $a\nEOF", 'is 1 sub\nis $a\n'],
    ['true | false; echo $?; set -o pipefail; false | true; echo $?', '1\n1\n'],
  ],
  background: [
    ['(sleep 0.2; exit 3) & wait $!; echo $?', '3\n'],
    ['{ sleep 0.2; echo late; } & echo early; wait', 'early\nlate\n'],
    ['sleep 1000 & kill $!; wait $!; echo $?', '143\n'],
    ['trap "echo caught" USR1; kill -USR1 $$; sleep 0.2; echo on', 'caught\non\n'],
    ['trap "echo term; exit 9" TERM; (sleep 0.2; kill $$) & while :; do :; done; echo never', 'term\n'],
  ],
  tools: [
    [
      'printf "b 2\\na 10\\nc 1\\n" > s; sort s | head -n 1; sort -k2 -n s | head -n 1; sort -rn -k2 s | cut -d" " -f1 | tr -d "\\n"',
      'a 10\nc 1\nabc',
    ],
    ['printf "a\\na\\nb\\n" | uniq -c | sed "s/^ *//"', '2 a\n1 b\n'],
    [
      'printf "one\\ntwo\\nthree\\n" | grep -n "^t" ; printf "One\\n" | grep -io ONE; printf "a.c\\nabc\\n" | grep -F a.c',
      '2:two\n3:three\nOne\na.c\n',
    ],
    [
      'printf "a1b22\\n" | grep -oE "[0-9]+"; echo abab | sed -E "s/(a)(b)/\\2\\1/g"; printf "1\\n2\\n3\\n4\\n" | sed -n "2,3p;\\$p"',
      '1\n22\nbaba\n2\n3\n4\n',
    ],
    [
      'printf "x\\ny\\n" | sed "1i top\n\\$a end" ; echo /a/b | sed "s|/|:|g"; echo k=v | sed "s/.*=//"',
      'top\nx\ny\nend\n:a:b\nv\n',
    ],
    [
      'mkdir -p d/e; echo hi > d/e/f; cp -r d d2; mv d2/e d2/x; ls d2; cat d2/x/f; rm -r d2; ls d2 2>/dev/null || echo gone',
      'x\nhi\ngone\n',
    ],
    [
      'mkdir -p find/a; touch find/a/x.js find/y.js find/z.md; find find -name "*.js" | sort; find find -type d -name a -exec echo found {} \\;',
      'find/a/x.js\nfind/y.js\nfound find/a\n',
    ],
    [
      'echo "a b c" | xargs -n 1 echo item; printf "p\\nq\\n" | xargs -I{} echo "[{}]"',
      'item a\nitem b\nitem c\n[p]\n[q]\n',
    ],
    ['printf "%s-%03d|%-4s|%x\\n" a 7 b 255; printf "%d\\n" 1 2', 'a-007|b   |ff\n1\n2\n'],
    [
      'echo hello | base64 | base64 -d; printf abc | sha256sum | cut -c1-8; printf abc | md5sum | cut -c1-8',
      'hello\nba7816bf\n90015098\n',
    ],
    [
      'expr 3 + 4; expr abc : "a\\(.\\)c"; seq 3 -1 1 | tr "\\n" " "; basename /a/b.txt .txt; dirname /a/b.txt',
      '7\nb\n3 2 1 b\n/a\n',
    ],
    ['date -u -d @0 "+%Y-%m-%d %H:%M:%S"; env -i A=1 env; test -f nosuch; echo $?', '1970-01-01 00:00:00\nA=1\n1\n'],
    [
      'printf "1\\n2\\n3\\n" | tail -n +2; printf "1\\n2\\n3\\n" | head -n -1; printf abc | tail -c 2',
      '2\n3\n1\n2\nbc',
    ],
  ],
}

describe('shell and tools', { timeout: 20_000 }, () => {
  for (const [group, scripts] of Object.entries(cases)) {
    it.each(scripts)(`${group}: %s`, async (script, output) => {
      expect((await sh(script)).output).toBe(output)
    })
  }

  it('answers with the exit code of its last command, of exit, and of a syntax error', async () => {
    expect((await sh('exit 42')).code).toBe(42)
    expect((await sh('false')).code).toBe(1)
    expect(await sh('echo "unfinished')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('unterminated') as string,
    })
    expect(await sh('if true; then fi; )')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('unexpected') as string,
    })
  })

  it('takes its place when it runs one program only, so that signals reach it', async () => {
    const child = spawn(
      path.join(box.bin, 'sh'),
      [
        '-c',
        'node -e "process.on(\'SIGTERM\', () => process.exit(7)); console.log(process.pid); setInterval(() => {}, 1000)"',
      ],
      { env: environment() },
    )
    const pid = Number(String(await new Promise((resolve) => child.stdout.once('data', resolve))))
    expect(pid).toBe(child.pid)
    child.kill('SIGTERM')
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(7)
  })

  it('runs commands from its input as they come, and leaves them the rest', async () => {
    const child = spawn(path.join(box.bin, 'sh'), [], { env: environment(), cwd: directory })
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    const until = async (text: string) => {
      while (!seen.includes(text)) await new Promise((resolve) => child.stdout.once('data', resolve))
    }
    child.stdin.write('echo first\n')
    await until('first')
    child.stdin.write('read line\ngiven\necho "got $line"\n')
    await until('got given')
    child.stdin.end('head -n 1\nfor head\necho last\n')
    await new Promise((resolve) => child.once('exit', resolve))
    expect(seen).toContain('for head\n')
  })

  it('follows a file that grows', async () => {
    writeFileSync(path.join(directory, 'growing'), 'one\n')
    const child = spawn(path.join(box.bin, 'tail'), ['-f', 'growing'], { env: environment(), cwd: directory })
    const next = () =>
      new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())))
    expect(await next()).toBe('one\n')
    writeFileSync(path.join(directory, 'growing'), 'two\n', { flag: 'a' })
    expect(await next()).toBe('two\n')
    child.kill('SIGTERM')
    expect(await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))).toBe('SIGTERM')
  })

  it('packs and unpacks what `kubectl cp` sends: long names, links, modes, and nothing outside the target', async () => {
    const long = `${'deep/'.repeat(30)}file`
    mkdirSync(path.join(directory, 'tree', path.dirname(long)), { recursive: true })
    writeFileSync(path.join(directory, 'tree', long), 'content', { mode: 0o640 })
    const { output } = await sh(
      `ln -s target tree/link; mkdir to; tar cf - tree | tar xmf - -C to; cat to/tree/${long}; readlink to/tree/link; stat -c %a to/tree/${long}; tar czf t.gz tree; tar tzf t.gz | tail -n 1`,
    )
    expect(output).toBe('contenttarget\n640\ntree/link\n')
    const evil = spawn('python3', [
      '-c',
      "import tarfile,io,sys; t=tarfile.open(fileobj=sys.stdout.buffer,mode='w|'); i=tarfile.TarInfo('../escaped'); i.size=1; t.addfile(i,io.BytesIO(b'x')); t.close()",
    ])
    const chunks: Buffer[] = []
    evil.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise((resolve) => evil.once('close', resolve))
    writeFileSync(path.join(directory, 'evil.tar'), Buffer.concat(chunks))
    expect(await sh('cd to && tar xf ../evil.tar; echo $?; ls ..')).toMatchObject({
      output: expect.not.stringContaining('escaped') as string,
    })
  })

  it('fetches over HTTP as wget and curl do', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/there' }).end()
      else if (request.url === '/there') response.end('arrived\n')
      else response.writeHead(404).end('nothing')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { output, errors } = await sh(
      `wget -qO- ${at}/moved; curl -sL ${at}/moved; curl -s -o /dev/null -w '%{http_code}\\n' ${at}/no; curl -sf ${at}/no; echo $?; wget -O- ${at}/no; echo $?`,
    )
    expect(output).toBe('arrived\narrived\n404\n22\n1\n')
    expect(errors).toContain('server returned error: HTTP/1.1 404')
    server.close()
    expect(await sh(`curl -s ${at}/; echo $?; nc -z 127.0.0.1 1; echo $?`)).toMatchObject({ output: '7\n1\n' })
  })
})
