/** For tests: a container that asks for nothing. */
import type { ContainerSpec } from "./container-spec.ts";

export const PLAIN_SPEC: ContainerSpec = {
  image: "busybox",
  environment: [],
  tty: false,
  openStdin: false,
  stdinOnce: false,
  labels: {},
  autoRemove: false,
  restartPolicy: { name: "no", maximumRetries: 0 },
  network: { kind: "none" },
  endpoints: {},
  dns: { servers: [], search: [], options: [] },
  extraHosts: [],
  sysctls: {},
  exposedPorts: [],
  mounts: [],
  tmpfs: {},
  readonlyRootfs: false,
  privileged: false,
  capabilities: { add: [], drop: [] },
  resources: {},
  pidMode: "private",
  ipcMode: "private",
  utsMode: "private",
  document: { HostConfig: {} },
};
