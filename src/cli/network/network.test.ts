/** The network commands print, ask and fail exactly as the real docker CLI does against the same daemon. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json } from "../../store/store.ts";
import { AT_ONCE, DOCKER_MISSING, runBoth } from "../both-clis.ts";
import type { FakeAnswer } from "../fake-daemon.ts";

const ID = "f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2";

function network(name: string, more: Record<string, Json> = {}): Json {
  return {
    Name: name,
    Id: `${name.length}${ID.slice(1)}`,
    Created: "2026-11-27T11:00:00.120456000Z",
    Scope: "local",
    Driver: "bridge",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: {}, Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: {
      c1: {
        Name: "c1",
        EndpointID: "e1",
        MacAddress: "02:42:ac:12:00:02",
        IPv4Address: "172.18.0.2/16",
        IPv6Address: "",
      },
    },
    Options: {},
    Labels: {},
    ...more,
  };
}

const NETWORKS = [
  network("web10"),
  network("none", { Driver: "null", EnableIPv4: false, Created: "2026-11-27T11:00:00Z" }),
  network("web2", { Labels: { tier: "front <1>" }, Internal: true }),
  network("Über-lange-Netzwerknamen-sind-auch-erlaubt", { Driver: "overlay", Scope: "swarm", EnableIPv6: true }),
  network("a-1"),
  network("a1"),
];

const ANSWERS: Readonly<Record<string, FakeAnswer>> = {
  "GET /networks": { json: NETWORKS },
  "GET /networks/backend": {
    bytes: JSON.stringify(network("backend", { Labels: { a: "<é>" } })).replace("é", "\\u00e9"),
  },
  "GET /networks/frontend": { json: network("frontend") },
  "POST /networks/create": { status: 201, json: { Id: ID, Warning: "" } },
  "DELETE /networks/backend": { status: 204 },
  "DELETE /networks/frontend": { status: 403, json: { message: "network frontend has active endpoints" } },
  "POST /networks/backend/connect": {},
  "POST /networks/backend/disconnect": {},
  "POST /networks/frontend/connect": { status: 403, json: { message: "endpoint with name c1 already exists" } },
  "POST /networks/prune": { json: { NetworksDeleted: ["web2", "web10"] } },
};

describe("a network command says what docker says:", { skip: DOCKER_MISSING, concurrency: AT_ONCE }, () => {
  const CASES: readonly (readonly [words: string, input?: string])[] = [
    ["network ls"],
    ["network list --no-trunc"],
    ["network ls -q"],
    ["network ls -q --no-trunc"],
    ["network ls --format json"],
    ["network ls --format raw"],
    ["network ls -q --format raw"],
    ["network ls --format table"],
    ["network ls --format {{.Name}}"],
    ["network ls --format {{.Name}} -q"],
    ["network ls --format {{json}}"],
    ["network ls --format {{json·.}}"],
    ["network ls --format table·{{.Name}}\\t{{.CreatedAt}}\\t{{.Labels}}\\t{{.IPv6}}"],
    ["network ls --format table·{{.Name|upper}}\\t{{truncate·.ID·3}}·{{.Internal}}"],
    ['network ls --format {{.Label·"tier"}}:{{.CreatedAt}}:{{.IPv4}}:{{.Internal}}'],
    ["network ls --format {{.Foo}}"],
    ["network ls --format {{.Foo"],
    ["network ls --format {{foo}}"],
    ["network ls --format table·{{.Foo}}"],
    ["network ls -f driver=bridge --filter label=tier --filter driver=null"],
    ["network ls -f foo"],
    ["network ls extra"],
    ["network ls --foo"],
    ["network ls -qx"],
    ["network ls --quiet=maybe"],
    ["network ls --no-trunc=false -q=true"],
    ["network inspect backend"],
    ["network inspect backend frontend"],
    ["network inspect backend nobody frontend nothing"],
    ["network inspect nobody"],
    ["network inspect"],
    ["network inspect -v backend"],
    ["network inspect --format {{.Name}}·{{.Id}} backend frontend"],
    ["network inspect --format {{.ID}} backend"],
    ["network inspect -f {{json·.Containers}} backend"],
    ["network inspect -f {{json·.IPAM.Config}} backend"],
    ["network inspect -f {{range·.IPAM.Config}}{{.Subnet}}·{{.Gateway}}{{end}} backend"],
    ["network inspect -f {{range·$k,$v:=.Containers}}{{$k}}={{$v.Name}}{{end}} backend"],
    ['network inspect -f {{len·.Containers}}{{index·.Labels·"a"}} backend'],
    ["network inspect -f {{.Foo}} backend"],
    ["network inspect -f {{.Name.Foo}} backend"],
    ["network inspect -f {{.Foo.Bar}} backend"],
    ["network inspect -f {{.Name} backend"],
    ["network inspect -f {{.Name}} nobody"],
    ["network create backend"],
    ["network create -d macvlan -o parent=eth0 --opt=a=b --label x=y --label z --internal --attachable backend"],
    ["network create --subnet 10.9.0.0/16 --ip-range 10.9.5.0/24 --gateway 10.9.0.1 --aux-address r=10.9.0.9 backend"],
    ["network create --ipv6 --subnet 10.9.0.0/16,fd00::/64 --gateway fd00::1 --ipv4=true backend"],
    ["network create --ipv4=false --ipv6=1 --ipam-driver null --ipam-opt a=b --scope local --ingress backend"],
    ["network create --config-only --subnet 10.0.0.0/8 backend"],
    ["network create --config-from base backend"],
    ["network create --gateway 10.0.0.1 backend"],
    ["network create --subnet 10.0.0.0/8 --subnet 10.1.0.0/16 backend"],
    ["network create --subnet 10.0.0.0/8 --gateway 11.0.0.1 backend"],
    ["network create --subnet 10.0.0.0/8 --ip-range 11.0.0.0/16 backend"],
    ["network create --subnet 10.0.0.0/8 --aux-address a=11.0.0.1 backend"],
    ["network create --subnet 10.0.0.0/8,11.0.0.0/8 --gateway 10.0.0.1 --gateway 10.0.0.2 backend"],
    ["network create --subnet 10.0.0.0/8,11.0.0.0/8 --ip-range 10.0.0.0/16 --ip-range 10.1.0.0/16 backend"],
    ["network create --subnet nonsense --gateway 10.0.0.1 backend"],
    ["network create --subnet 10.0.0.0/8 --ip-range nonsense/8 backend"],
    ["network create"],
    ["network create one two"],
    ["network create --driver"],
    ["network create -o"],
    ["network rm backend"],
    ["network remove backend frontend nobody backend"],
    ["network rm -f nobody backend"],
    ["network rm"],
    ["network connect backend c1"],
    [
      "network connect --ip 10.9.0.7 --ip6 fd00::7 --alias a,b --alias c --link x:y --link-local-ip 169.254.1.1 backend c1",
    ],
    ["network connect --driver-opt a=b --gw-priority -5 backend c1"],
    ["network connect --gw-priority much backend c1"],
    ["network connect frontend c1"],
    ["network connect backend"],
    ["network disconnect backend c1"],
    ["network disconnect -f backend c1"],
    ["network disconnect nobody c1"],
    ["network prune -f"],
    ["network prune", "y\n"],
    ["network prune", "n\n"],
    ["network prune", ""],
    ["network prune -f --filter label!=x --filter until=24h"],
    ["network nonsense"],
    ["nonsense"],
  ];
  for (const [words, input] of CASES) {
    it(`${words}${input === undefined ? "" : ` <${JSON.stringify(input)}`}`, async () => {
      const list = words.split(" ").map((word) => word.replaceAll("·", " "));
      const { ours, theirs } = await runBoth(ANSWERS, list, input);
      // docker first looks whether a network that it removes is the swarm's ingress
      const seen = words.startsWith("network r") ? /^(?!GET)/ : /^/;
      assert.deepEqual(ours, { ...theirs, calls: theirs.calls.filter(({ call }) => seen.test(call)) });
    });
  }
});
