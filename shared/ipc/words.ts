import { z } from 'zod'

/**
 * The words that calls are made of. Whatever becomes part of a URL is held to what Kubernetes allows: a name of `.`
 * or `..` would turn the deletion of one object into that of a whole collection.
 */
export const contextId = z.string().min(1).max(4096)

/** Source: apimachinery/pkg/api/validation/path: what may stand in a path. */
export const objectName = z
  .string()
  .min(1)
  .max(253)
  .refine((name) => name !== '.' && name !== '..' && !/[/%]/.test(name), 'is not a name of an object')

/** Empty for what has no namespace. */
export const namespaceName = z
  .string()
  .max(63)
  .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/, 'is not a name of a namespace')

export const groupName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9.-]*$/, 'is not an API group')
export const versionName = z.string().regex(/^[a-z0-9]{1,63}$/, 'is not an API version')
export const pluralName = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,252}$/, 'is not a resource')
export const subresourceName = z.string().regex(/^[a-z]{1,63}$/, 'is not a subresource')
export const kindName = z.string().min(1).max(253)
export const containerName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9-]*$/, 'is not a name of a container')

/** Of a user or a group: it becomes a header. */
export const userName = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, 'is not a name of a user or group')

/** Selectors, filters: what somebody types into a line. */
export const lineOfText = z.string().max(2000)
export const uid = z.string().min(1).max(300)
export const port = z.number().int().min(1).max(65_535)
/** Columns or rows of a terminal. */
export const cells = z.number().int().min(1).max(10_000)
