import { describe, expect, it } from 'vitest'
import { Environment } from '../environment.ts'
import { typeNamed } from '../types/signature.ts'
import { toJson } from '../values/json.ts'
import { authorizerValue, type AuthorizationCheck } from './authorizer.ts'

const environment = new Environment({ variables: { authorizer: typeNamed('Authorizer') } })
const value = (source: string): unknown => toJson(environment.compile(source).evaluate({}))

describe.each<[string, [string, unknown][]]>([
  [
    'strings',
    [
      ['"héllo".charAt(1) + "ab".charAt(2)', 'é'],
      ['"tacocat".indexOf("ac")', 1],
      ['"héhé".indexOf("h", 1)', 2],
      ['"héhé".lastIndexOf("é")', 3],
      ['"hello hello".replace("he", "we", 1)', 'wello hello'],
      ['"ab".replace("", "-")', '-a-b-'],
      ['"a,b,c".split(",", 2)', ['a', 'b,c']],
      ['"abc".split("")', ['a', 'b', 'c']],
      ['"tacocat".substring(1, 4)', 'aco'],
      ['" \\ttrim\\n ".trim()', 'trim'],
      ['"TacoCÆt".lowerAscii()', 'tacocÆt'],
      ['["a", "b"].join("-") + ["x", "y"].join()', 'a-bxy'],
      ['strings.quote("a\\n\\"b\\"")', '"a\\n\\"b\\""'],
      [
        '"%s, %d, %.2f, %x, %b, %e".format([dyn(["a", 1.5 > 1.0 ? "b" : "c"]), 3, 1.0/3.0, "hi", true, 1234.5])',
        '[a, b], 3, 0.33, 6869, 1, 1.234500e+03',
      ],
    ],
  ],
  [
    'lists and sets',
    [
      ['[1, 2, 2].isSorted() && ![2, 1].isSorted()', true],
      ['["b", "a"].min() + ["b", "a"].max()', 'ab'],
      ['[1, 2, 3].sum() + [].map(x, 1).sum()', 6],
      ['[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1)', 2],
      ['sets.contains([1, 2], [2, 2]) && sets.equivalent([1, 2], [2, 1]) && !sets.intersects([1], [2])', true],
    ],
  ],
  [
    'regular expressions',
    [
      ['"abc 123".find("[0-9]+")', '123'],
      ['"a1b2".findAll("[a-z]")', ['a', 'b']],
      ['"a1b2c3".findAll("[a-z]", 2)', ['a', 'b']],
      ['"ABC".matches("(?i)abc") && !"x".matches("^y")', true],
    ],
  ],
  [
    'quantities',
    [
      ['isQuantity("1.3Gi") && !isQuantity("1x")', true],
      ['quantity("50k").add("20k" == "" ? quantity("0") : quantity("20k")).compareTo(quantity("70k"))', 0],
      ['quantity("50k").sub(20000).asInteger()', 30000],
      ['quantity("-50").sign()', -1],
      ['quantity("1.5").isInteger() || quantity("9999999999999999999999").isInteger()', false],
      ['quantity("200M").isGreaterThan(quantity("0.1G")) && quantity("1Gi").isLessThan(quantity("2Gi"))', true],
    ],
  ],
  [
    'addresses',
    [
      ['ip("127.0.0.1").family() + ip("::1").family()', 10],
      ['isIP("1.2.3.4") && !isIP("1.2.3") && !isIP("::ffff:1.2.3.4")', true],
      [
        'ip.isCanonical("2001:db8::abcd") && !ip.isCanonical("2001:DB8::ABCD") && !ip.isCanonical("2001:db8::0:0:0:abcd")',
        true,
      ],
      ['ip("127.0.0.1").isLoopback() && ip("fe80::1").isLinkLocalUnicast() && ip("8.8.8.8").isGlobalUnicast()', true],
      ['string(cidr("192.168.1.7/24").masked()) + string(ip("0:0::1"))', '192.168.1.0/24::1'],
      [
        'cidr("10.0.0.0/8").containsIP("10.1.2.3") && cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16") && !cidr("10.0.0.0/8").containsCIDR("0.0.0.0/0")',
        true,
      ],
      ['cidr("::/33").prefixLength() == 33 && cidr("1.2.3.4/24").ip() == ip("1.2.3.4")', true],
    ],
  ],
  [
    'URLs',
    [
      ['url("https://u@example.com:80/a b?k=v&k=w").getHost()', 'example.com:80'],
      ['url("https://[::1]:80/").getHostname() + url("https://[::1]:80/").getPort()', '::180'],
      ['url("https://h/p%20q?k=v&k=w").getQuery()', { k: ['v', 'w'] }],
      ['isURL("/path") && !isURL("../x") && isURL("https://h") && !isURL("https://a:b:c/")', true],
      ['url("/path with spaces").getEscapedPath()', '/path%20with%20spaces'],
    ],
  ],
  [
    'named formats',
    [
      ['format.dns1123Label().validate("ok-1").hasValue()', false],
      ['format.named("uuid").value().validate("x").value()', ['does not match the UUID format']],
      ['format.named("nope").hasValue()', false],
      [
        'format.dns1035LabelPrefix().validate("a-").hasValue() || format.date().validate("2024-02-30").hasValue()',
        true,
      ],
    ],
  ],
  [
    'semantic versions',
    [
      ['isSemver("1.2.3-rc.1+b") && !isSemver("v1.2.3") && isSemver("v1.2", true)', true],
      [
        'semver("1.0.0-alpha.1").isLessThan(semver("1.0.0-alpha.beta")) && semver("1.0.0-2").isLessThan(semver("1.0.0-10"))',
        true,
      ],
      ['semver("v01.2", true).compareTo(semver("1.2.0"))', 0],
      ['semver("1.2.3").major() * 100 + semver("1.2.3").minor() * 10 + semver("1.2.3").patch()', 123],
    ],
  ],
])('%s', (_, cases) => {
  it.each(cases)('%s', (source, expected) => expect(value(source)).toEqual(expected))
})

describe('the authorizer', () => {
  it('is asked what the expression builds up', () => {
    const asked: AuthorizationCheck[] = []
    const authorizer = authorizerValue((check) => {
      asked.push(check)
      return { allowed: true, reason: 'because' }
    })
    const expression = environment.compile(
      "authorizer.serviceAccount('ns', 'sa').group('apps').resource('deployments').subresource('scale').namespace('a').name('b').check('update').reason()",
    )
    expect(expression.evaluate({ authorizer })).toBe('because')
    expect(asked).toEqual([
      {
        serviceAccount: { namespace: 'ns', name: 'sa' },
        group: 'apps',
        resource: 'deployments',
        subresource: 'scale',
        namespace: 'a',
        name: 'b',
        verb: 'update',
      },
    ])
  })

  it('may be asked twice in an expression, no more', () => {
    const authorizer = authorizerValue(() => ({ allowed: true, reason: '' }))
    const check = "authorizer.path('/healthz').check('get').allowed()"
    expect(environment.compile(`${check} && ${check}`).evaluate({ authorizer })).toBe(true)
    expect(() => environment.compile(`${check} && ${check} && ${check}`).evaluate({ authorizer })).toThrow(
      'operation cancelled: actual cost limit exceeded',
    )
  })
})
