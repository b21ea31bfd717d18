export interface ToastItem {
  id: number
  tone: 'ok' | 'warn' | 'bad' | 'busy'
  message: string
  cure?: string | undefined
  action?: { text: string; run(): void } | undefined
}
