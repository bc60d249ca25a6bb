/** ZooKeeper for tests: one standalone server with a small heap and short ticks, so that sessions may be short. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePorts, ServerProcess, type ServerPlace } from "./server-process.ts";
import { SingleServer } from "./single-server.ts";

/** As Debian installs it; the jar names the others that it needs. */
export const ZOOKEEPER_JAR = "/usr/share/java/zookeeper.jar";
const USUAL_PORTS = [2181, 2281] as const;
const JAVA_FLAGS = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
/** What the jar does not name: where its log goes, and parts of netty that TLS needs. */
const FURTHER_JARS = ["slf4j-simple", "netty-codec", "netty-resolver"].map((name) => `/usr/share/java/${name}.jar`);

export async function startZookeeper(place: ServerPlace = {}): Promise<SingleServer> {
  const { address = "127.0.0.1", prefix = [], tls } = place;
  const [port = 0, securePort = 0] = prefix.length > 0 ? USUAL_PORTS : await freePorts(2, address);
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
    ...(tls && tlsSettings(securePort)),
  };
  const process = new ServerProcess(
    {
      name: "zookeeper",
      command: (directory) => {
        if (tls) writeTlsFiles(directory, tls);
        const lines = Object.entries({ dataDir: join(directory, "data"), ...configuration });
        writeFileSync(join(directory, "zoo.cfg"), lines.map(([key, value]) => `${key}=${value}\n`).join(""));
        return [
          findProgram("java") ?? "java",
          ...JAVA_FLAGS,
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
          "-Dzookeeper.forceSync=no",
          "-cp",
          [ZOOKEEPER_JAR, ...FURTHER_JARS].join(":"),
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
  return SingleServer.start("zk", `${address}:${tls ? securePort : port}`, process);
}

/** The port for clients without TLS stays, for the probe. */
function tlsSettings(securePort: number): Readonly<Record<string, string>> {
  return {
    secureClientPort: String(securePort),
    serverCnxnFactory: "org.apache.zookeeper.server.NettyServerCnxnFactory",
    "ssl.clientAuth": "need",
    "ssl.keyStore.location": "server.pem",
    "ssl.trustStore.location": "ca.pem",
  };
}

/** A key store in PEM is the key and its certificate in one file. */
function writeTlsFiles(directory: string, { ca, cert, key }: { ca: string; cert: string; key: string }): void {
  writeFileSync(join(directory, "server.pem"), `${readFileSync(key, "utf8")}${readFileSync(cert, "utf8")}`);
  writeFileSync(join(directory, "ca.pem"), readFileSync(ca));
}
