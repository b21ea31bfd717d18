import type { Command, List, SimpleCommand, Word } from './syntax.ts'

export const soleItem = (command: Command): List[number] => ({
  andOr: { first: { negated: false, commands: [command] }, rest: [] },
  background: false,
})

/** The list's only command, when it is a simple one. */
export function soleCommand(list: List): SimpleCommand | undefined {
  const [item] = list
  if (list.length !== 1 || item!.background || item!.andOr.rest.length || item!.andOr.first.negated) return undefined
  const { commands } = item!.andOr.first
  return commands.length === 1 && commands[0]!.type === 'simple' ? commands[0] : undefined
}

export const quotedWord = (value: string): Word => [{ type: 'quoted', value }]

export const plainText = (word: Word | undefined): string | undefined =>
  word?.length === 1 && word[0]!.type === 'text' ? word[0]!.value : undefined

export const describe = (command: Command): string =>
  command.type === 'simple' ? command.words.map((word) => plainText(word) ?? '…').join(' ') : '(…)'
