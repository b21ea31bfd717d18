import { afterEach, expect, it } from 'vitest'
import { useNavigation } from '../../app/navigation.ts'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { pressButton, screenText, typeInto, until } from '../../app/testing/screen.ts'
import { Refusal } from '../../data/testing/fake-workbench.ts'
import type { Grant, Rights, WhoCan } from '#shared/ipc/access.ts'
import AccessPage from './AccessPage.vue'
import { messages } from './messages.ts'

let app: InApp
afterEach(() => app.wrapper.unmount())

const grant = (name: string, more: Partial<Grant> = {}): Grant => ({
  subject: { kind: 'User', name },
  binding: { kind: 'ClusterRoleBinding', name: `${name}-binding` },
  role: { kind: 'ClusterRole', name: `${name}-role` },
  namespace: '',
  names: [],
  from: [],
  ...more,
})
const janes: Rights = {
  groups: ['devs', 'system:authenticated'],
  everything: false,
  rights: [
    { namespace: 'shop', group: '', resource: 'pods', path: '', names: [], verbs: ['get', 'eat'], sources: [0] },
    { namespace: '', group: 'apps', resource: 'deployments/scale', path: '', names: [], verbs: ['*'], sources: [1] },
  ],
  bindings: [
    {
      binding: { kind: 'RoleBinding', namespace: 'shop', name: 'janes' },
      role: { kind: 'Role', namespace: 'shop', name: 'reader' },
      namespace: 'shop',
      through: { kind: 'User', name: 'jane' },
    },
    {
      binding: { kind: 'ClusterRoleBinding', name: 'devs' },
      role: { kind: 'ClusterRole', name: 'gone' },
      namespace: '',
      through: { kind: 'Group', name: 'devs' },
      lacks: 'missing',
    },
  ],
  unread: [],
}
const mine: Rights = { user: 'kim', groups: ['system:masters'], everything: true, rights: [], bindings: [], unread: [] }

async function open(words: Record<string, string>, whoCan: WhoCan = { grants: [], unread: [] }): Promise<void> {
  const subjects = { subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: 'bot' }], unread: [] }
  const answers = {
    'access.whoCan': whoCan,
    'access.rightsOf': janes,
    'access.mine': mine,
    'access.subjects': subjects,
  }
  app = await mountInApp(AccessPage, {}, { name: 'access', messages }, { answers })
  await useNavigation().setQuery(words)
}
const lastAsked = (method: string) => app.asked(method).at(-1)
const row = (text: string) => [...document.querySelectorAll('tbody tr')].find((one) => one.textContent?.includes(text))

it('asks what the address says, and shows the binding and the role of each who may', async () => {
  const grants = [
    grant('jane', { namespace: 'shop', names: ['web'] }),
    grant('ops', { subject: { kind: 'Group', name: 'system:authenticated' }, from: ['extra'] }),
  ]
  await open({ verb: 'delete', what: 'deployments.apps/scale', name: 'web', ns: 'shop' }, { grants, unread: [] })
  await until(() =>
    expect(lastAsked('access.whoCan')).toEqual({
      context: 'builtin',
      question: {
        verb: 'delete',
        group: 'apps',
        resource: 'deployments',
        subresource: 'scale',
        namespaced: true,
        name: 'web',
        namespace: 'shop',
      },
    }),
  )
  await until(() => expect(row('jane')?.textContent).toMatch(/jane.*shop.*jane-binding.*jane-role.*only web/s))
  expect(row('ops-binding')?.textContent).toMatch(/everybody who has logged in.*everywhere.*from extra/s)
  expect(screenText()).toContain('auth can-i delete deployments.apps/web --subresource=scale -n shop')
  expect(screenText()).toContain('Members of the group system:masters may do this as well')
})

it('says in words which lists could not be read, and shows what the others say', async () => {
  await open({}, { grants: [grant('jane')], unread: [{ plural: 'rolebindings', message: 'forbidden' }] })
  await until(() => expect(screenText()).toContain('Role bindings may not be listed here'))
  expect(row('jane-binding')).toBeDefined()
})

it('keeps what is chosen in the address', async () => {
  await open({})
  await pressButton('Verb: get')
  await until(() => expect(document.querySelector('[role=combobox]')).not.toBeNull())
  const field = document.querySelector<HTMLInputElement>('[role=combobox]')!
  field.value = 'impersonate'
  field.dispatchEvent(new Event('input', { bubbles: true }))
  await until(() => expect(document.querySelectorAll('[role=option]')).toHaveLength(1))
  field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
  await until(() => expect(useNavigation().queryWord('verb')).toBe('impersonate'))
  await until(() => expect(lastAsked('access.whoCan')).toMatchObject({ question: { verb: 'impersonate' } }))
})

it('asks about a name, or with groups, once they are typed in full', async () => {
  const type = async (label: string, text: string) => {
    await typeInto(label, text)
    document.querySelector(`input[aria-label="${label}"]`)!.dispatchEvent(new Event('change', { bubbles: true }))
  }
  await open({})
  await typeInto('Name', 'we')
  await type('Name', 'web')
  await until(() => expect(lastAsked('access.whoCan')).toMatchObject({ question: { name: 'web' } }))
  expect(app.asked('access.whoCan').filter(({ question }) => (question as { name?: string }).name === 'we')).toEqual([])
  await useNavigation().setQuery({ view: 'rights', whom: 'user:jane' })
  await until(() => expect(document.querySelector('input[aria-label="Groups besides"]')).not.toBeNull())
  await type('Groups besides', 'devs, ops')
  await until(() => expect(lastAsked('access.rightsOf')).toMatchObject({ groups: ['devs', 'ops'] }))
})

it('says that there is no such resource, rather than that nobody may', async () => {
  await open({ what: 'gadgets.example.com' })
  await until(() => expect(screenText()).toContain('No such resource'))
})

it('shows what somebody may do by verbs, by which bindings, and through which group', async () => {
  await open({ view: 'rights', whom: 'user:jane', groups: 'devs', ns: '*' })
  await until(() =>
    expect(lastAsked('access.rightsOf')).toEqual({
      context: 'builtin',
      subject: { kind: 'User', name: 'jane' },
      groups: ['devs'],
    }),
  )
  await until(() => expect(row('pods')?.textContent).toMatch(/pods.*shop.*eat.*janes/s))
  expect(row('pods')?.querySelectorAll('[aria-label=yes]')).toHaveLength(1)
  expect(row('deployments.apps/scale')?.querySelectorAll('[aria-label=yes]')).toHaveLength(7)
  expect(screenText()).toContain('as devs')
  expect(screenText()).toContain('no such role')
  expect(screenText()).toContain('auth can-i --list --as=jane --as-group=devs')
  await typeInto('Filter', 'scale')
  await until(() => expect(row('pods')).toBeUndefined())
})

it('tells one’s own rights in one namespace, and of system:masters what it is', async () => {
  await open({ view: 'rights' })
  await until(() => expect(lastAsked('access.mine')).toEqual({ context: 'builtin', namespace: 'default' }))
  await until(() => expect(screenText()).toContain('You are kim.'))
  expect(screenText()).toContain('may do everything, without any binding')
  expect(app.asked('access.rightsOf')).toEqual([])
})

it('says what went wrong, and asks again', async () => {
  await open({})
  await until(() => expect(screenText()).toContain('No binding lets anybody do this'))
  app.workbench.refuse.set('access.whoCan', new Refusal(500, 'InternalError', 'etcd is away', 'Wait a moment.'))
  await pressButton('Look again')
  await until(() => expect(screenText()).toContain('etcd is away'))
  app.workbench.refuse.clear()
  await pressButton('Try again')
  await until(() => expect(screenText()).toContain('No binding lets anybody do this'))
})
