import { vi } from 'vitest'
import { nextTick } from 'vue'

/** Patient: the machine that runs the tests may be busy. */
export const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000 })

export const screenText = (): string => (document.body.textContent ?? '').replaceAll(/\s+/g, ' ')

function byName<T extends Element>(selector: string, name: string): T {
  const found = [...document.querySelectorAll<T>(selector)].filter(
    (element) => (element.getAttribute('aria-label') ?? element.textContent ?? '').trim() === name,
  )
  if (!found.length) throw new Error(`no ${selector} is named ${name}; the screen says: ${screenText()}`)
  return found.at(-1)!
}

/** As a person would: a button that is off does nothing. */
export async function pressButton(name: string): Promise<void> {
  const button = byName<HTMLButtonElement>('button', name)
  if (!button.disabled) button.click()
  await nextTick()
}

export async function typeInto(label: string, text: string): Promise<void> {
  const field =
    [...document.querySelectorAll('label')]
      .find((one) => one.textContent?.trim().startsWith(label))
      ?.querySelector('input') ?? document.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`)
  if (!field) throw new Error(`no field is named ${label}`)
  field.value = text
  field.dispatchEvent(new Event('input', { bubbles: true }))
  await nextTick()
}
