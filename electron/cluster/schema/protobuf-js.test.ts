import { parse, type Message } from 'protobufjs'
import { expect, it } from 'vitest'
import { encodeProtobuf, openEnvelope, watchFrame } from './protobuf.ts'
import { typeNamed } from './table.ts'

/** Written by hand from the API's reference, for a reader that shares no code with ours. */
const { root } = parse(`
  syntax = "proto2";
  message Time { optional int64 seconds = 1; optional int32 nanos = 2; }
  message FieldsV1 { optional bytes raw = 1; }
  message ManagedFieldsEntry {
    optional string manager = 1; optional string operation = 2; optional string apiVersion = 3; optional Time time = 4;
    optional string fieldsType = 6; optional FieldsV1 fieldsV1 = 7; optional string subresource = 8;
  }
  message OwnerReference {
    optional string kind = 1; optional string name = 3; optional string uid = 4; optional string apiVersion = 5;
    optional bool controller = 6; optional bool blockOwnerDeletion = 7;
  }
  message ObjectMeta {
    optional string name = 1; optional string generateName = 2; optional string namespace = 3;
    optional string selfLink = 4; optional string uid = 5; optional string resourceVersion = 6;
    optional int64 generation = 7; optional Time creationTimestamp = 8; optional Time deletionTimestamp = 9;
    optional int64 deletionGracePeriodSeconds = 10; map<string, string> labels = 11; map<string, string> annotations = 12;
    repeated OwnerReference ownerReferences = 13; repeated string finalizers = 14; repeated ManagedFieldsEntry managedFields = 17;
  }
  message ConfigMap {
    optional ObjectMeta metadata = 1; map<string, string> data = 2; map<string, bytes> binaryData = 3; optional bool immutable = 4;
  }
  message Quantity { optional string string = 1; }
  message IntOrString { optional int64 type = 1; optional int32 intVal = 2; optional string strVal = 3; }
  message HTTPGetAction { optional string path = 1; optional IntOrString port = 2; optional string host = 3; optional string scheme = 4; }
  message ProbeHandler { optional HTTPGetAction httpGet = 2; }
  message Probe {
    optional ProbeHandler handler = 1; optional int32 initialDelaySeconds = 2; optional int32 timeoutSeconds = 3;
    optional int32 periodSeconds = 4; optional int32 successThreshold = 5; optional int32 failureThreshold = 6;
  }
  message ResourceRequirements { map<string, Quantity> limits = 1; map<string, Quantity> requests = 2; }
  message EnvVar { optional string name = 1; optional string value = 2; }
  message Container {
    optional string name = 1; optional string image = 2; repeated string command = 3; repeated string args = 4;
    repeated EnvVar env = 7; optional ResourceRequirements resources = 8; optional Probe livenessProbe = 10;
    optional string terminationMessagePath = 13; optional bool stdin = 16;
  }
  message PodSpec {
    repeated Container containers = 2; optional string restartPolicy = 3; optional int64 terminationGracePeriodSeconds = 4;
    map<string, string> nodeSelector = 7; optional string nodeName = 10; optional bool hostNetwork = 11;
  }
  message PodStatus { optional string phase = 1; optional string podIP = 6; optional Time startTime = 7; }
  message Pod { optional ObjectMeta metadata = 1; optional PodSpec spec = 2; optional PodStatus status = 3; }
  message LabelSelector { map<string, string> matchLabels = 1; }
  message PodTemplateSpec { optional ObjectMeta metadata = 1; optional PodSpec spec = 2; }
  message DeploymentSpec {
    optional int32 replicas = 1; optional LabelSelector selector = 2; optional PodTemplateSpec template = 3;
    optional int32 minReadySeconds = 5; optional bool paused = 7;
  }
  message DeploymentStatus { optional int64 observedGeneration = 1; optional int32 replicas = 2; }
  message Deployment { optional ObjectMeta metadata = 1; optional DeploymentSpec spec = 2; optional DeploymentStatus status = 3; }
  message ListMeta { optional string selfLink = 1; optional string resourceVersion = 2; optional string continue = 3; }
  message StatusCause { optional string reason = 1; optional string message = 2; optional string field = 3; }
  message StatusDetails { optional string name = 1; optional string group = 2; optional string kind = 3; repeated StatusCause causes = 4; optional int32 retryAfterSeconds = 5; optional string uid = 6; }
  message Status {
    optional ListMeta metadata = 1; optional string status = 2; optional string message = 3; optional string reason = 4;
    optional StatusDetails details = 5; optional int32 code = 6;
  }
  message RawExtension { optional bytes raw = 1; }
  message WatchEvent { optional string type = 1; optional RawExtension object = 2; }
  message TypeMeta { optional string apiVersion = 1; optional string kind = 2; }
  message Unknown { optional TypeMeta typeMeta = 1; optional bytes raw = 2; optional string contentEncoding = 3; optional string contentType = 4; }
`)

const asObject = { longs: Number, bytes: String, defaults: false }
const decode = (name: string, bytes: Uint8Array): Message => root.lookupType(name).decode(bytes)
const plain = (name: string, message: Message): unknown => root.lookupType(name).toObject(message, asObject)
const meta = { apiVersion: 'v1', kind: 'X' }

const opened = (bytes: Buffer) => {
  expect(bytes.subarray(0, 4).toString()).toBe('k8s\0')
  return plain('Unknown', decode('Unknown', bytes.subarray(4)))
}

const configMap = {
  metadata: {
    name: 'a',
    namespace: 'b',
    generation: 2 ** 40,
    creationTimestamp: '2026-01-02T03:04:05Z',
    labels: { y: '2', x: 'ü' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true }],
    finalizers: ['f/one', 'f/two'],
    managedFields: [
      {
        manager: 'm',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-02T03:04:05Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': {} },
      },
    ],
  },
  data: { k: 'v', empty: '', 'a-longer-key': 'x'.repeat(20_000) },
  binaryData: { b: 'AAEC' },
}

it('writes a config map that another implementation reads, and writes again byte for byte', () => {
  const { raw } = openEnvelope(encodeProtobuf(typeNamed('io.k8s.api.core.v1.ConfigMap'), configMap, meta))
  const message = decode('ConfigMap', raw)
  expect(plain('ConfigMap', message)).toMatchObject({
    metadata: {
      name: 'a',
      generateName: '',
      generation: 2 ** 40,
      creationTimestamp: { seconds: Date.parse('2026-01-02T03:04:05Z') / 1000, nanos: 0 },
      labels: { x: 'ü', y: '2' },
      finalizers: ['f/one', 'f/two'],
      managedFields: [{ fieldsV1: { raw: Buffer.from('{"f:data":{}}').toString('base64') } }],
    },
    data: configMap.data,
    binaryData: { b: 'AAEC' },
  })
  expect(Buffer.from(root.lookupType('ConfigMap').encode(message).finish())).toEqual(raw)
})

it('writes pods and deployments that another implementation reads', () => {
  const spec = {
    containers: [
      {
        name: 'web',
        image: 'nginx',
        args: ['-v', ''],
        env: [{ name: 'A' }],
        resources: { requests: { cpu: '100m', memory: '1Gi' } },
        livenessProbe: { httpGet: { path: '/', port: 'http' }, failureThreshold: 3 },
      },
    ],
    terminationGracePeriodSeconds: 0,
    nodeName: 'node',
  }
  const pod = { metadata: { name: 'p', creationTimestamp: null }, spec, status: { phase: 'Running' } }
  const seenSpec = {
    containers: [
      {
        name: 'web',
        args: ['-v', ''],
        env: [{ name: 'A', value: '' }],
        resources: { requests: { cpu: { string: '100m' }, memory: { string: '1Gi' } } },
        livenessProbe: {
          handler: { httpGet: { path: '/', host: '', scheme: '', port: { type: 1, intVal: 0, strVal: 'http' } } },
          failureThreshold: 3,
          timeoutSeconds: 0,
        },
        terminationMessagePath: '',
        stdin: false,
      },
    ],
    terminationGracePeriodSeconds: 0,
    restartPolicy: '',
    nodeName: 'node',
    hostNetwork: false,
  }
  const { raw } = openEnvelope(encodeProtobuf(typeNamed('io.k8s.api.core.v1.Pod'), pod, meta))
  const seen = plain('Pod', decode('Pod', raw))
  expect(seen).toMatchObject({
    metadata: { name: 'p', creationTimestamp: {} },
    spec: seenSpec,
    status: { phase: 'Running', podIP: '' },
  })
  expect(seen).not.toHaveProperty('status.startTime')

  const deployment = {
    metadata: { name: 'd' },
    spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: { metadata: {}, spec } },
  }
  const whole = openEnvelope(encodeProtobuf(typeNamed('io.k8s.api.apps.v1.Deployment'), deployment, meta))
  expect(plain('Deployment', decode('Deployment', whole.raw))).toMatchObject({
    spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: { spec: seenSpec }, paused: false },
    status: { observedGeneration: 0, replicas: 0 },
  })
})

it('writes statuses, and events of watches with whole objects in them', () => {
  const status = {
    status: 'Failure',
    message: 'no',
    reason: 'Invalid',
    details: { name: 'x', causes: [{ reason: 'r', message: 'm', field: 'f' }] },
    code: 422,
  }
  const bytes = encodeProtobuf(typeNamed('io.k8s.apimachinery.pkg.apis.meta.v1.Status'), status, {
    apiVersion: 'v1',
    kind: 'Status',
  })
  expect(opened(bytes)).toMatchObject({
    typeMeta: { apiVersion: 'v1', kind: 'Status' },
    contentEncoding: '',
    contentType: '',
  })
  const message = decode('Status', openEnvelope(bytes).raw)
  expect(plain('Status', message)).toMatchObject({ ...status, metadata: { resourceVersion: '', continue: '' } })
  expect(Buffer.from(root.lookupType('Status').encode(message).finish())).toEqual(openEnvelope(bytes).raw)

  const frame = watchFrame('ERROR', bytes)
  expect(frame.readUInt32BE()).toBe(frame.length - 4)
  expect(plain('WatchEvent', decode('WatchEvent', frame.subarray(4)))).toEqual({
    type: 'ERROR',
    object: { raw: bytes.toString('base64') },
  })
})
