export const messages = {
  data: 'Data',
  empty: 'It holds nothing.',
  binary: '{size} of binary data',
  reveal: 'Show',
  hide: 'Hide',
  revealAll: 'Show all',
  hideAll: 'Hide all',
  copyValue: 'Copy the value',
  type: 'Type',
  immutable: 'Cannot be changed',
  hidden: 'hidden',
  bytes: '{count} byte | {count} bytes',
}
