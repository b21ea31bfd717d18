import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1'
import type { Frozen } from './object.ts'

/** `spec.controller` of the classes whose Ingresses the built-in cluster serves. */
export const ingressController = 'wheelhouse.dev/ingress'

/** The class that a cluster begins with. */
export const ingressClassName = 'wheelhouse'

/** Who the ingress controller is to the API server. */
export const ingressUser = 'wheelhouse:ingress'

/** How an Ingress named its class before it had a field for that. */
export const ingressClassAnnotation = 'kubernetes.io/ingress.class'

export const defaultIngressClassAnnotation = 'ingressclass.kubernetes.io/is-default-class'

/** What the backends of an Ingress speak: `HTTP`, `HTTPS`, `H2C` or `GRPC`, which is H2C. A port's appProtocol says more. */
export const backendProtocolAnnotation = 'ingress.wheelhouse.dev/backend-protocol'

/** `"false"`: plain HTTP is served although the host has TLS. */
export const sslRedirectAnnotation = 'ingress.wheelhouse.dev/ssl-redirect'

/** The largest body of a request, as a quantity (`10Mi`); 0 is no limit. */
export const bodySizeAnnotation = 'ingress.wheelhouse.dev/body-size'

export const isDefaultIngressClass = ({ metadata }: Frozen<IngressClass>): boolean =>
  metadata?.annotations?.[defaultIngressClassAnnotation] === 'true'

/** The class that an Ingress names, whichever way; undefined: none. */
export const namedIngressClass = ({ metadata, spec }: Frozen<Ingress>): string | undefined =>
  metadata?.annotations?.[ingressClassAnnotation] || spec?.ingressClassName || undefined
