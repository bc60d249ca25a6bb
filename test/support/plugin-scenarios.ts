/** The scenarios that are recorded: a network's and a container's life, ports and addresses, and the failure of each call. */
import type { Scenario, ScenarioLine } from "./plugin-scenario.ts";

const line = (text: string): ScenarioLine => ({ line: text });
const RUN = "run -d --network shop --name";
const SLEEP = "busybox sleep 1000";
const CREATE = "network create -d ptp --subnet 10.50.0.0/24 shop";

/** The line with a call that fails: with status 500 where nothing else is said. */
function broken(text: string, method: string, status = 500, body = '{"Err":"out of order"}'): ScenarioLine {
  return { line: text, broken: { method, outcome: { status, body } } };
}

const life: Scenario = {
  name: "life",
  lines: [
    line("network create -d ptp --subnet 10.50.0.0/24 -o color=red -o size= shop"),
    line(`${RUN} c1 ${SLEEP}`),
    line("network disconnect shop c1"),
    line("network connect shop c1"),
    line("restart -t 0 c1"),
    line("stop -t 0 c1"),
    line("start c1"),
    line("rm -f c1"),
    line("network rm shop"),
  ],
};

const wishes: Scenario = {
  name: "wishes",
  lines: [
    line(
      "network create -d ptp --subnet 10.51.0.0/24 --gateway 10.51.0.9 --aux-address router=10.51.0.3 --internal inner",
    ),
    line("network rm inner"),
    line(CREATE),
    line(`${RUN} ports -p 8080:80 -p 127.0.0.1:5353:53/udp -p 9000-9001:9000-9001 --expose 7000 ${SLEEP}`),
    line("rm -f ports"),
    line(`${RUN} address --ip 10.50.0.77 ${SLEEP}`),
    line("rm -f address"),
    line(`${RUN} options --network-alias a1 --hostname h1 --label l=v ${SLEEP}`),
    line("rm -f options"),
    line(`run -d --name two ${SLEEP}`),
    line("network connect --driver-opt key=value --ip 10.50.0.78 shop two"),
    line("network disconnect shop two"),
    line("rm -f two"),
    line("network rm shop"),
  ],
};

const failures: Scenario = {
  name: "failures",
  lines: [
    broken(CREATE, "NetworkDriver.CreateNetwork"),
    broken(CREATE, "NetworkDriver.CreateNetwork", 200, '{"Err":"no colour"}'),
    broken(CREATE, "NetworkDriver.CreateNetwork", 500, "no JSON"),
    line(CREATE),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.CreateEndpoint"),
    line("rm -f c1"),
    broken(
      `${RUN} c1 ${SLEEP}`,
      "NetworkDriver.CreateEndpoint",
      200,
      '{"Interface":{"Address":"10.50.0.99/24","MacAddress":"02:00:00:00:00:99"}}',
    ),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.CreateEndpoint", 200, '{"Interface":{"MacAddress":"zz"}}'),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.Join"),
    line("rm -f c1"),
    broken(
      `${RUN} c1 ${SLEEP}`,
      "NetworkDriver.Join",
      200,
      '{"InterfaceName":{"SrcName":"nowhere","DstPrefix":"eth"}}',
    ),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.ProgramExternalConnectivity"),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.ProgramExternalConnectivity", 404, "page not found"),
    broken("rm -f c1", "NetworkDriver.RevokeExternalConnectivity"),
    line(`${RUN} c1 ${SLEEP}`),
    broken("rm -f c1", "NetworkDriver.RevokeExternalConnectivity", 404, "page not found"),
    line(`${RUN} c1 ${SLEEP}`),
    broken("network disconnect shop c1", "NetworkDriver.Leave"),
    line("rm -f c1"),
    line(`${RUN} c1 ${SLEEP}`),
    broken("rm -f c1", "NetworkDriver.DeleteEndpoint"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.EndpointOperInfo"),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.EndpointOperInfo", 404, "page not found"),
    line("rm -f c1"),
    broken("network rm shop", "NetworkDriver.DeleteNetwork"),
    line("network rm shop"),
  ],
};

const IPAM_CREATE = "network create -d ptp --ipam-driver ptpam";

const ipam: Scenario = {
  name: "ipam",
  lines: [
    line(`${IPAM_CREATE} --ipam-opt size=small any`),
    line(`run -d --network any --name c1 ${SLEEP}`),
    line("rm -f c1"),
    line("network rm any"),
    line(`${IPAM_CREATE} --subnet 10.60.0.0/24 --ip-range 10.60.0.128/25 --aux-address a=10.60.0.200 shop`),
    line(`${RUN} c1 --ip 10.60.0.150 ${SLEEP}`),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "IpamDriver.RequestAddress", 200, '{"Error":"full"}'),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "IpamDriver.RequestAddress", 200, "{}"),
    line("rm -f c1"),
    broken(`${RUN} c1 ${SLEEP}`, "NetworkDriver.CreateEndpoint"),
    broken("network rm shop", "IpamDriver.ReleasePool"),
    line("rm -f c1"),
    line("network rm shop"),
    broken(`${IPAM_CREATE} shop`, "IpamDriver.RequestPool"),
    broken(`${IPAM_CREATE} shop`, "IpamDriver.RequestPool", 200, '{"PoolID":"p","Pool":"nonsense"}'),
    broken(`${IPAM_CREATE} shop`, "IpamDriver.RequestAddress"),
    broken(`${IPAM_CREATE} shop`, "NetworkDriver.CreateNetwork"),
    line(`${IPAM_CREATE} --gateway 10.61.0.5 --subnet 10.61.0.0/24 shop`),
    broken("network rm shop", "IpamDriver.ReleaseAddress"),
    line("network rm shop"),
  ],
};

const restart: Scenario = {
  name: "restart",
  lines: [
    line(CREATE),
    line(`${RUN} c1 --restart always ${SLEEP}`),
    { line: "", restart: true },
    line("rm -f c1"),
    line("network rm shop"),
  ],
};

export const SCENARIOS: readonly Scenario[] = [life, wishes, failures, ipam, restart];
