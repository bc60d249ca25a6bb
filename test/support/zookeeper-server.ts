/** ZooKeeper for tests: one standalone server with a small heap and short ticks, so that sessions may be short. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePorts, ServerProcess, type ServerPlace } from "./server-process.ts";
import { SingleServer } from "./single-server.ts";

/** As Debian installs it; the jar names the others that it needs. */
export const ZOOKEEPER_JAR = "/usr/share/java/zookeeper.jar";
const USUAL_PORT = 2181;
const JAVA_FLAGS = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
const LOGGING = ["/usr/share/java/slf4j-simple.jar"];

export interface ZookeeperPlace extends ServerPlace {
  /** Added to the configuration, such as for TLS. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function startZookeeper(place: ZookeeperPlace = {}): Promise<SingleServer> {
  const { address = "127.0.0.1", prefix = [], settings = {} } = place;
  const [port = 0] = prefix.length > 0 ? [USUAL_PORT] : await freePorts(1, address);
  const configuration = {
    tickTime: "250",
    minSessionTimeout: "500",
    maxSessionTimeout: "120000",
    clientPort: String(port),
    clientPortAddress: address,
    maxClientCnxns: "0",
    preAllocSize: "1024",
    "admin.enableServer": "false",
    "4lw.commands.whitelist": "srvr",
    ...settings,
  };
  const process = new ServerProcess(
    {
      name: "zookeeper",
      command: (directory) => {
        const lines = Object.entries({ dataDir: join(directory, "data"), ...configuration });
        writeFileSync(join(directory, "zoo.cfg"), lines.map(([key, value]) => `${key}=${value}\n`).join(""));
        return [
          findProgram("java") ?? "java",
          ...JAVA_FLAGS,
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
          "-Dzookeeper.forceSync=no",
          "-cp",
          [ZOOKEEPER_JAR, ...LOGGING].join(":"),
          "org.apache.zookeeper.server.quorum.QuorumPeerMain",
          "zoo.cfg",
        ];
      },
      probe: ["curl", "--silent", "--max-time", "2", `telnet://${address}:${port}`],
      probeInput: "srvr",
      serves: (answer) => answer.includes("Mode: "),
    },
    prefix,
  );
  return SingleServer.start("zk", `${address}:${port}`, process);
}
