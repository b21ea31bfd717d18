import { message } from '../../base/protobuf-descriptor.ts'

/**
 * The part of CRI v1 that the driver speaks, as protobuf.js describes messages. Source: k8s.io/cri-api, api.proto; field
 * numbers are the protocol. Enumerations are numbers here, named in `messages.ts`.
 */
const method = (name: string, request = `${name}Request`, response = `${name}Response`) => ({
  [name]: { requestType: request, responseType: response },
})

const services = {
  RuntimeService: {
    methods: {
      ...[
        'Version',
        'Status',
        'RuntimeConfig',
        'RunPodSandbox',
        'StopPodSandbox',
        'RemovePodSandbox',
        'PodSandboxStatus',
        'ListPodSandbox',
        'CreateContainer',
        'StartContainer',
        'StopContainer',
        'RemoveContainer',
        'ListContainers',
        'ContainerStatus',
        'UpdateContainerResources',
        'ReopenContainerLog',
        'ExecSync',
        'Exec',
        'Attach',
        'PortForward',
        'ListContainerStats',
      ].reduce((all, name) => ({ ...all, ...method(name) }), {}),
      GetContainerEvents: {
        requestType: 'GetEventsRequest',
        responseType: 'ContainerEventResponse',
        responseStream: true,
      },
    },
  },
  ImageService: {
    methods: ['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage', 'ImageFsInfo'].reduce(
      (all, name) => ({ ...all, ...method(name) }),
      {},
    ),
  },
}

const messages = {
  VersionRequest: message('string version = 1'),
  VersionResponse: message(
    'string version = 1; string runtime_name = 2; string runtime_version = 3; string runtime_api_version = 4',
  ),
  StatusRequest: message('bool verbose = 1'),
  StatusResponse: message('RuntimeStatus status = 1; map<string, string> info = 2; RuntimeFeatures features = 4'),
  RuntimeStatus: message('repeated RuntimeCondition conditions = 1'),
  RuntimeCondition: message('string type = 1; bool status = 2; string reason = 3; string message = 4'),
  RuntimeFeatures: message('bool supplemental_groups_policy = 1'),
  RuntimeConfigRequest: message(''),
  RuntimeConfigResponse: message('LinuxRuntimeConfiguration linux = 1'),
  LinuxRuntimeConfiguration: message('int32 cgroup_driver = 1'),

  PodSandboxMetadata: message('string name = 1; string uid = 2; string namespace = 3; uint32 attempt = 4'),
  DNSConfig: message('repeated string servers = 1; repeated string searches = 2; repeated string options = 3'),
  PodSandboxConfig: message(
    'PodSandboxMetadata metadata = 1; string hostname = 2; string log_directory = 3; DNSConfig dns_config = 4; map<string, string> labels = 6; map<string, string> annotations = 7; LinuxPodSandboxConfig linux = 8',
  ),
  LinuxPodSandboxConfig: message(
    'string cgroup_parent = 1; LinuxSandboxSecurityContext security_context = 2; map<string, string> sysctls = 3; LinuxContainerResources resources = 5',
  ),
  LinuxSandboxSecurityContext: message(
    'NamespaceOption namespace_options = 1; bool privileged = 6; SecurityProfile seccomp = 9',
  ),
  NamespaceOption: message('int32 network = 1; int32 pid = 2; int32 ipc = 3; string target_id = 4'),
  SecurityProfile: message('int32 profile_type = 1; string localhost_ref = 2'),
  Int64Value: message('int64 value = 1'),
  UInt64Value: message('uint64 value = 1'),
  LinuxContainerResources: message(
    'int64 cpu_period = 1; int64 cpu_quota = 2; int64 cpu_shares = 3; int64 memory_limit_in_bytes = 4; int64 oom_score_adj = 5',
  ),
  RunPodSandboxRequest: message('PodSandboxConfig config = 1; string runtime_handler = 2'),
  RunPodSandboxResponse: message('string pod_sandbox_id = 1'),
  StopPodSandboxRequest: message('string pod_sandbox_id = 1'),
  StopPodSandboxResponse: message(''),
  RemovePodSandboxRequest: message('string pod_sandbox_id = 1'),
  RemovePodSandboxResponse: message(''),
  PodSandboxStatusRequest: message('string pod_sandbox_id = 1; bool verbose = 2'),
  PodSandboxStatusResponse: message('PodSandboxStatus status = 1; map<string, string> info = 2'),
  PodSandboxStatus: message('string id = 1; int32 state = 3; PodSandboxNetworkStatus network = 5'),
  PodSandboxNetworkStatus: message('string ip = 1'),
  ListPodSandboxRequest: message('PodSandboxFilter filter = 1'),
  PodSandboxFilter: message('map<string, string> label_selector = 3'),
  ListPodSandboxResponse: message('repeated PodSandbox items = 1'),
  PodSandbox: message(
    'string id = 1; PodSandboxMetadata metadata = 2; int32 state = 3; int64 created_at = 4; map<string, string> annotations = 6',
  ),

  ContainerMetadata: message('string name = 1; uint32 attempt = 2'),
  ImageSpec: message('string image = 1; string user_specified_image = 18'),
  KeyValue: message('string key = 1; string value = 2'),
  Mount: message(
    'string container_path = 1; string host_path = 2; bool readonly = 3; ImageSpec image = 9; string image_sub_path = 10',
  ),
  ContainerConfig: message(
    'ContainerMetadata metadata = 1; ImageSpec image = 2; repeated string command = 3; repeated string args = 4; string working_dir = 5; repeated KeyValue envs = 6; repeated Mount mounts = 7; map<string, string> labels = 9; map<string, string> annotations = 10; string log_path = 11; bool stdin = 12; bool stdin_once = 13; bool tty = 14; LinuxContainerConfig linux = 15',
  ),
  LinuxContainerConfig: message(
    'LinuxContainerResources resources = 1; LinuxContainerSecurityContext security_context = 2',
  ),
  LinuxContainerSecurityContext: message(
    'Capability capabilities = 1; bool privileged = 2; NamespaceOption namespace_options = 3; Int64Value run_as_user = 5; string run_as_username = 6; bool readonly_rootfs = 7; repeated int64 supplemental_groups = 8; bool no_new_privs = 11; Int64Value run_as_group = 12; repeated string masked_paths = 13; repeated string readonly_paths = 14; SecurityProfile seccomp = 15; int32 supplemental_groups_policy = 17',
  ),
  Capability: message('repeated string add_capabilities = 1; repeated string drop_capabilities = 2'),
  CreateContainerRequest: message(
    'string pod_sandbox_id = 1; ContainerConfig config = 2; PodSandboxConfig sandbox_config = 3',
  ),
  CreateContainerResponse: message('string container_id = 1'),
  StartContainerRequest: message('string container_id = 1'),
  StartContainerResponse: message(''),
  StopContainerRequest: message('string container_id = 1; int64 timeout = 2'),
  StopContainerResponse: message(''),
  RemoveContainerRequest: message('string container_id = 1'),
  RemoveContainerResponse: message(''),
  ListContainersRequest: message('ContainerFilter filter = 1'),
  ContainerFilter: message('map<string, string> label_selector = 4'),
  ListContainersResponse: message('repeated Container containers = 1'),
  Container: message(
    'string id = 1; string pod_sandbox_id = 2; ContainerMetadata metadata = 3; ImageSpec image = 4; string image_ref = 5; int32 state = 6; int64 created_at = 7; map<string, string> annotations = 9; string image_id = 10',
  ),
  ContainerStatusRequest: message('string container_id = 1'),
  ContainerStatusResponse: message('ContainerStatus status = 1'),
  ContainerStatus: message(
    'string id = 1; int32 state = 3; int64 created_at = 4; int64 started_at = 5; int64 finished_at = 6; int32 exit_code = 7; ImageSpec image = 8; string image_ref = 9; string reason = 10; string message = 11; string log_path = 15; ContainerUser user = 18',
  ),
  ContainerUser: message('LinuxContainerUser linux = 1'),
  LinuxContainerUser: message('int64 uid = 1; int64 gid = 2; repeated int64 supplemental_groups = 3'),
  UpdateContainerResourcesRequest: message('string container_id = 1; LinuxContainerResources linux = 2'),
  UpdateContainerResourcesResponse: message(''),
  ReopenContainerLogRequest: message('string container_id = 1'),
  ReopenContainerLogResponse: message(''),
  ExecSyncRequest: message('string container_id = 1; repeated string cmd = 2; int64 timeout = 3'),
  ExecSyncResponse: message('bytes stdout = 1; bytes stderr = 2; int32 exit_code = 3'),
  ExecRequest: message(
    'string container_id = 1; repeated string cmd = 2; bool tty = 3; bool stdin = 4; bool stdout = 5; bool stderr = 6',
  ),
  ExecResponse: message('string url = 1'),
  AttachRequest: message('string container_id = 1; bool stdin = 2; bool tty = 3; bool stdout = 4; bool stderr = 5'),
  AttachResponse: message('string url = 1'),
  PortForwardRequest: message('string pod_sandbox_id = 1; repeated int32 port = 2'),
  PortForwardResponse: message('string url = 1'),
  GetEventsRequest: message(''),
  ContainerEventResponse: message('string container_id = 1; int32 container_event_type = 2'),

  ListContainerStatsRequest: message('ContainerStatsFilter filter = 1'),
  ContainerStatsFilter: message('map<string, string> label_selector = 3'),
  ListContainerStatsResponse: message('repeated ContainerStats stats = 1'),
  ContainerStats: message(
    'ContainerAttributes attributes = 1; CpuUsage cpu = 2; MemoryUsage memory = 3; FilesystemUsage writable_layer = 4',
  ),
  ContainerAttributes: message('string id = 1'),
  CpuUsage: message('int64 timestamp = 1; UInt64Value usage_core_nano_seconds = 2'),
  MemoryUsage: message('int64 timestamp = 1; UInt64Value working_set_bytes = 2'),
  FilesystemUsage: message(
    'int64 timestamp = 1; FilesystemIdentifier fs_id = 2; UInt64Value used_bytes = 3; UInt64Value inodes_used = 4',
  ),
  FilesystemIdentifier: message('string mountpoint = 1'),

  Image: message(
    'string id = 1; repeated string repo_tags = 2; repeated string repo_digests = 3; uint64 size = 4; Int64Value uid = 5; string username = 6; bool pinned = 8',
  ),
  ListImagesRequest: message(''),
  ListImagesResponse: message('repeated Image images = 1'),
  ImageStatusRequest: message('ImageSpec image = 1'),
  ImageStatusResponse: message('Image image = 1'),
  AuthConfig: message('string username = 1; string password = 2'),
  PullImageRequest: message('ImageSpec image = 1; AuthConfig auth = 2'),
  PullImageResponse: message('string image_ref = 1'),
  RemoveImageRequest: message('ImageSpec image = 1'),
  RemoveImageResponse: message(''),
  ImageFsInfoRequest: message(''),
  ImageFsInfoResponse: message('repeated FilesystemUsage image_filesystems = 1'),
}

export const descriptor = { nested: { runtime: { nested: { v1: { nested: { ...services, ...messages } } } } } }
