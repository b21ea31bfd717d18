import { typeNamed } from './signature.ts'
import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  list,
  map,
  nullType,
  string,
  timestamp,
  typeType,
  uint,
  type CelType,
} from './types.ts'

/** The names of types that expressions may use as values: `type(x) == int`. */
export const typeNames: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['bool', bool],
  ['bytes', bytes],
  ['double', double],
  ['int', int],
  ['uint', uint],
  ['string', string],
  ['null_type', nullType],
  ['list', list(dyn)],
  ['map', map(dyn, dyn)],
  ['type', typeType()],
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['net.IP', typeNamed('IP')],
  ['net.CIDR', typeNamed('CIDR')],
  ['kubernetes.Quantity', typeNamed('Quantity')],
  ['kubernetes.URL', typeNamed('URL')],
  ['kubernetes.Semver', typeNamed('Semver')],
])
