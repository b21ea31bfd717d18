import { message } from '../../base/protobuf-descriptor.ts'

/**
 * The part of etcd's v3 API that the driver speaks, as protobuf.js describes messages. Source: etcd's rpc.proto and
 * kv.proto; field numbers are the protocol.
 */
export const descriptor = {
  nested: {
    mvccpb: {
      nested: {
        KeyValue: message(
          'bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; int64 version = 4; bytes value = 5',
        ),
        Event: message('int32 type = 1; KeyValue kv = 2'),
      },
    },
    etcdserverpb: {
      nested: {
        KV: {
          methods: {
            Range: { requestType: 'RangeRequest', responseType: 'RangeResponse' },
            Txn: { requestType: 'TxnRequest', responseType: 'TxnResponse' },
            Compact: { requestType: 'CompactionRequest', responseType: 'CompactionResponse' },
          },
        },
        Watch: {
          methods: {
            Watch: {
              requestType: 'WatchRequest',
              requestStream: true,
              responseType: 'WatchResponse',
              responseStream: true,
            },
          },
        },
        ResponseHeader: message('int64 revision = 3'),
        RangeRequest: message(
          'bytes key = 1; bytes range_end = 2; int64 limit = 3; int64 revision = 4; bool keys_only = 8; bool count_only = 9',
        ),
        RangeResponse: message(
          'ResponseHeader header = 1; repeated mvccpb.KeyValue kvs = 2; bool more = 3; int64 count = 4',
        ),
        PutRequest: message('bytes key = 1; bytes value = 2'),
        DeleteRangeRequest: message('bytes key = 1'),
        RequestOp: message(
          'RangeRequest request_range = 1; PutRequest request_put = 2; DeleteRangeRequest request_delete_range = 3',
          { request: { oneof: ['request_range', 'request_put', 'request_delete_range'] } },
        ),
        ResponseOp: message('RangeResponse response_range = 1'),
        Compare: message(
          'int32 result = 1; int32 target = 2; bytes key = 3; int64 version = 4; int64 mod_revision = 6',
          {
            target_union: { oneof: ['version', 'mod_revision'] },
          },
        ),
        TxnRequest: message(
          'repeated Compare compare = 1; repeated RequestOp success = 2; repeated RequestOp failure = 3',
        ),
        TxnResponse: message('ResponseHeader header = 1; bool succeeded = 2; repeated ResponseOp responses = 3'),
        CompactionRequest: message('int64 revision = 1; bool physical = 2'),
        CompactionResponse: message('ResponseHeader header = 1'),
        WatchRequest: message('WatchCreateRequest create_request = 1', {
          request_union: { oneof: ['create_request'] },
        }),
        WatchCreateRequest: message('bytes key = 1; bytes range_end = 2; int64 start_revision = 3'),
        WatchResponse: message(
          'ResponseHeader header = 1; bool created = 3; bool canceled = 4; int64 compact_revision = 5; string cancel_reason = 6; repeated mvccpb.Event events = 11',
        ),
      },
    },
  },
}

export interface KeyValue {
  key: Buffer
  create_revision: number
  mod_revision: number
  value: Buffer
}

export interface Header {
  revision: number
}

export interface RangeRequest {
  key: Buffer
  range_end?: Buffer
  limit?: number
  /** The state at that revision; absent: the newest, agreed on by a majority. */
  revision?: number
  keys_only?: boolean
  count_only?: boolean
}

export interface RangeResponse {
  header: Header
  kvs: KeyValue[]
  more: boolean
}

/** Compare.result and Compare.target. */
export const equal = 0
export const greater = 1
export const versionTarget = 0
export const modTarget = 2

export interface Compare {
  result: number
  target: number
  key: Buffer
  version?: number
  mod_revision?: number
}

export interface RequestOp {
  request_range?: RangeRequest
  request_put?: { key: Buffer; value: Buffer }
  request_delete_range?: { key: Buffer }
}

export interface TxnRequest {
  compare: Compare[]
  success: RequestOp[]
  failure: RequestOp[]
}

export interface TxnResponse {
  header: Header
  succeeded: boolean
  responses: { response_range?: RangeResponse }[]
}

/** Event.type. */
export const deleteEvent = 1

export interface WatchResponse {
  header: Header
  created: boolean
  canceled: boolean
  /** Not 0: the revision asked for has been compacted. */
  compact_revision: number
  cancel_reason: string
  events: { type: number; kv: KeyValue }[]
}
