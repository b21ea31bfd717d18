import { Environment } from '../environment.ts'
import { jsonPatch, patchStruct } from './patch-types.ts'
import { typeNamed } from '../types/signature.ts'
import { bool, dyn, int, list, map, objectType, string, timestamp, type CelType } from '../types/types.ts'

/** What expressions of admission may use besides object, oldObject, request and namespaceObject. */
export interface AdmissionVariables {
  readonly params: boolean
  readonly authorizer: boolean
  /** `Object{…}` and `JSONPatch{…}`, for mutations. */
  readonly patches?: boolean
  /** Types of objects, for type checking. Default: dyn. */
  readonly objectType?: CelType | undefined
  readonly paramsType?: CelType | undefined
}

const named = (name: string, fields: Readonly<Record<string, CelType>>) => objectType(`kubernetes.${name}`, fields)
const texts = list(string)

const groupVersionKind = named('GroupVersionKind', { group: string, version: string, kind: string })
const groupVersionResource = named('GroupVersionResource', { group: string, version: string, resource: string })
const userInfo = named('UserInfo', { username: string, uid: string, groups: texts, extra: map(string, texts) })

/** Source: BuildRequestType in apiserver/pkg/admission/plugin/cel/compile.go. */
const request = named('AdmissionRequest', {
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: string,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo,
  dryRun: bool,
  options: dyn,
})

const namespace = named('Namespace', {
  metadata: named('NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels: map(string, string),
    annotations: map(string, string),
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: texts,
  }),
  spec: named('NamespaceSpec', { finalizers: texts }),
  status: named('NamespaceStatus', {
    phase: string,
    conditions: list(
      named('NamespaceCondition', {
        status: string,
        type: string,
        lastTransitionTime: timestamp,
        message: string,
        reason: string,
      }),
    ),
  }),
})

/** Where policies and match conditions are compiled. */
export function admissionEnvironment(uses: AdmissionVariables): Environment {
  const { params, authorizer, patches = false, objectType: object = dyn, paramsType = dyn } = uses
  return new Environment({
    variables: {
      object,
      oldObject: object,
      request,
      namespaceObject: namespace,
      ...(params && { params: paramsType }),
      ...(authorizer && {
        authorizer: typeNamed('Authorizer'),
        'authorizer.requestResource': typeNamed('ResourceCheck'),
      }),
    },
    ...(patches && { struct: patchStruct, functions: jsonPatch }),
  })
}
