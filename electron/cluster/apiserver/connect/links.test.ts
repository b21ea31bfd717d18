import { deflateRawSync, gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { linkThrough, mostRewritten, pageThrough, withLinksThrough } from './links.ts'

const prefix = '/api/v1/namespaces/default/pods/web/proxy'
const page = { prefix, backend: '10.0.0.1:80', asked: 'localhost:8001' }

it.each([
  ['/shop?a=/b#c', `${prefix}/shop?a=/b#c`],
  ['http://10.0.0.1:80/shop', `${prefix}/shop`],
  ['//10.0.0.1:80/shop', `${prefix}/shop`],
  ['http://localhost:8001/shop', `http://localhost:8001${prefix}/shop`],
  [`${prefix}/shop`, `${prefix}/shop`],
  ['shop', 'shop'],
  ['../shop', '../shop'],
  ['http://10.0.0.1:81/shop', 'http://10.0.0.1:81/shop'],
  ['https://example.org/shop', 'https://example.org/shop'],
  ['#part', '#part'],
])('a link to %s leads to %s', (link, expected) => expect(linkThrough(link, page)).toBe(expected))

it.each([
  ['<a href="/rewriteme">test</a>', `<a href="${prefix}/rewriteme">test</a>`],
  [`<IMG alt='>' SRC = '/a.png'/>`, `<IMG alt='>' SRC = '${prefix}/a.png'/>`],
  ['<video poster=/p src=/v>', `<video poster=${prefix}/p src=${prefix}/v>`],
  ['<a title="see href=/x" data-href="/x" href="/y">', `<a title="see href=/x" data-href="/x" href="${prefix}/y">`],
  ['<p href="/x"></p><abbr href="/x">', '<p href="/x"></p><abbr href="/x">'],
  ['<!-- <a href="/x"> --><a href="/y">', `<!-- <a href="/x"> --><a href="${prefix}/y">`],
  [`<script src="/s">"<a href='/x'>"</script>`, `<script src="${prefix}/s">"<a href='/x'>"</script>`],
  ['<title><a href="/x"></title><a href="/y">', `<title><a href="/x"></title><a href="${prefix}/y">`],
  ['1 < 2 <a href="/x"', '1 < 2 <a href="/x"'],
])('%s becomes %s', (html, expected) => expect(withLinksThrough(html, page)).toBe(expected))

it('reads what is packed, leaves what it cannot read, and keeps bytes that are no text', () => {
  const html = Buffer.from([...Buffer.from('<a href="/x">'), 0xff, 0xc3])
  const expected = Buffer.from([...Buffer.from(`<a href="${prefix}/x">`), 0xff, 0xc3])
  expect(pageThrough(html, '', page)).toEqual(expected)
  expect(pageThrough(gzipSync(html), 'gzip', page)).toEqual(expected)
  expect(pageThrough(deflateRawSync(html), 'deflate', page)).toEqual(expected)
  expect(pageThrough(html, 'br', page)).toBeUndefined()
  expect(pageThrough(html, 'gzip', page)).toBeUndefined()
  expect(pageThrough(gzipSync(Buffer.alloc(mostRewritten + 1)), 'gzip', page)).toBeUndefined()
})
