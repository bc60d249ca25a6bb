import assert from "node:assert/strict";
import { test } from "node:test";
import { readUfw } from "./ufw.ts";

/** What `ufw enable` leaves, with `allow 22/tcp`, `allow 80,443/tcp`, `limit 2222/tcp`, `deny 8081`, `allow from ... 9000`. */
function saved(prefix: "ufw-" | "ufw6-", policy = "DROP"): string {
  const any = prefix === "ufw-" ? "10.0.0.0/8" : "fd00::/8";
  return `*filter
:INPUT ${policy} [0:0]
:FORWARD DROP [0:0]
:${prefix}before-input - [0:0]
:${prefix}user-input - [0:0]
-A INPUT -j ${prefix}before-logging-input
-A INPUT -j ${prefix}before-input
-A ${prefix}skip-to-policy-input -j ${policy}
-A ${prefix}user-input -p tcp -m tcp --dport 22 -j ACCEPT
-A ${prefix}user-input -p tcp -m multiport --dports 80,443,8000:8010 -j ACCEPT
-A ${prefix}user-input -p tcp -m tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set --name DEFAULT
-A ${prefix}user-input -p tcp -m tcp --dport 2222 -j ${prefix}user-limit-accept
-A ${prefix}user-input -p tcp -m tcp --dport 8081 -j DROP
-A ${prefix}user-input -p udp -m udp --dport 8081 -j DROP
-A ${prefix}user-input -s ${any} -p tcp -m tcp --dport 9000 -j ACCEPT
-A ${prefix}user-input -p udp -m udp --dport 5300 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`;
}

test("ufw's rules for everybody decide, then its policy", () => {
  const closed = readUfw({ 4: saved("ufw-"), 6: saved("ufw6-") });
  const open = readUfw({ 4: saved("ufw-", "ACCEPT"), 6: "" });
  const cases = [
    { port: 22, closed: "allow", open: "allow" },
    { port: 443, closed: "allow", open: "allow" },
    { port: 8005, closed: "allow", open: "allow" },
    { port: 2222, closed: "allow", open: "allow" },
    { port: 8081, closed: "deny", open: "deny" },
    { port: 9000, closed: "deny", open: "allow" },
    { port: 8080, closed: "deny", open: "allow" },
  ] as const;
  for (const { port, ...expected } of cases) {
    const to = { family: 4, protocol: "tcp", port } as const;
    assert.deepEqual({ closed: closed?.verdict(to), open: open?.verdict(to) }, expected, String(port));
    assert.equal(closed?.verdict({ ...to, family: 6 }), expected.closed, String(port));
  }
  assert.equal(open?.verdict({ family: 4, protocol: "udp", port: 5300 }), "deny");
  assert.equal(open?.verdict({ family: 6, protocol: "udp", port: 5300 }), "allow");
});

test("chains that nothing jumps to are not in force", () => {
  assert.equal(readUfw({ 4: saved("ufw-").replace(/^-A INPUT.*\n/gm, ""), 6: "" }), undefined);
  assert.equal(readUfw({ 4: "", 6: "" }), undefined);
});
