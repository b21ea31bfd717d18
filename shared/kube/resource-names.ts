/** Of Kubernetes itself: without a prefix, or with one of its own. Source: IsNativeResource, pkg/apis/core/v1/helper. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')

/** Of whoever put it into the capacity of a node. A quota's `requests.` form is none. Source: IsExtendedResourceName. */
export const isExtendedResource = (name: string): boolean => !isNativeResource(name) && !name.startsWith('requests.')
