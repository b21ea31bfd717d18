/** Of secrets that hold the token of a service account. */
export const accountName = 'kubernetes.io/service-account.name'
export const accountUid = 'kubernetes.io/service-account.uid'

/** Labels of such secrets; their values are days, YYYY-MM-DD. */
export const lastUsedLabel = 'kubernetes.io/legacy-token-last-used'
export const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since'
