/** For tests: the record of a container that was only created. */
import { PLAIN_SPEC } from "../plain-spec.fixture.ts";
import type { ContainerRecord } from "./container-record.ts";

export const PLAIN_RECORD: ContainerRecord = {
  id: "a".repeat(64),
  name: "plain",
  createdNs: 1n,
  spec: PLAIN_SPEC,
  imageId: `sha256:${"b".repeat(64)}`,
  commandLine: ["sh"],
  hostname: "aaaaaaaaaaaa",
  inherited: { imageEnvironment: [], workingDirectory: "/", user: "", stopSignal: "" },
  state: { status: "created" },
  restartCount: 0,
  manuallyStopped: false,
};
