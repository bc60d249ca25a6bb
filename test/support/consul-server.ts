/** Consul for tests: one server, which keeps its data (not `-dev`), elects itself at once, and allows sessions shorter than 10 s. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePorts, ServerProcess, type ServerPlace } from "./server-process.ts";
import { SingleServer } from "./single-server.ts";

const USUAL_PORTS = [8500, 8300, 8301] as const;

export async function startConsul(place: ServerPlace = {}): Promise<SingleServer> {
  const { address = "127.0.0.1", prefix = [], tls } = place;
  const [api = 0, server = 0, serf = 0] = prefix.length > 0 ? USUAL_PORTS : await freePorts(3, address);
  const configuration = {
    server: true,
    bootstrap_expect: 1,
    node_name: "test",
    bind_addr: address,
    client_addr: address,
    log_level: "ERROR",
    disable_update_check: true,
    // Told to end by a signal, it stays a member, and finds itself again at the next start.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    session_ttl_min: "1s",
    performance: { raft_multiplier: 1 },
    ports: {
      ...(tls ? { http: -1, https: api } : { http: api }),
      server,
      serf_lan: serf,
      serf_wan: -1,
      dns: -1,
      grpc: -1,
    },
    ...(tls && { ca_file: tls.ca, cert_file: tls.cert, key_file: tls.key, verify_incoming_https: true }),
  };
  const host = `${address}:${api}`;
  // Whose certificate it is, is for clients to ask.
  const curlFlags = tls ? ["--insecure", "--cert", tls.cert, "--key", tls.key] : [];
  const process = new ServerProcess(
    {
      name: "consul",
      command: (directory) => {
        writeFileSync(join(directory, "consul.json"), JSON.stringify(configuration));
        return [findProgram("consul") ?? "consul", "agent", "-config-file=consul.json", `-data-dir=${directory}/data`];
      },
      // A consistent read succeeds once there is a leader that knows it.
      probe: [
        "curl",
        "--silent",
        "--max-time",
        "2",
        ...curlFlags,
        `${tls ? "https" : "http"}://${host}/v1/kv/?keys&consistent`,
        "--write-out",
        "%{http_code}",
      ],
      serves: (answer) => answer.endsWith("404") || answer.endsWith("200"),
    },
    prefix,
  );
  return SingleServer.start("consul", host, process);
}
