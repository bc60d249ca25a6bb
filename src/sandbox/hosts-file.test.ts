import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../addr/ip-address.ts";
import {
  addHostsLines,
  formatHosts,
  ownHostsEntry,
  removeHostsLines,
  replaceHostsLines,
  type HostsEntry,
} from "./hosts-file.ts";

const entry = (address: string, ...names: string[]): HostsEntry => ({ address: parseAddress(address), names });
const OWN = ownHostsEntry(parseAddress("172.18.0.2"), "c1");

test("the file is Docker's, to the letter", () => {
  const extra = [entry("192.0.2.1", "db"), entry("2001:db8::1", "db6")];
  assert.equal(
    formatHosts({ ipv6: true, extra, own: [OWN] }),
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n" +
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n192.0.2.1\tdb\n2001:db8::1\tdb6\n172.18.0.2\tc1\n",
  );
  assert.equal(
    formatHosts({ ipv6: false, extra, own: [OWN] }),
    "127.0.0.1\tlocalhost\n192.0.2.1\tdb\n172.18.0.2\tc1\n",
  );
});

test("a sandbox with a domain names itself in full and in short", () => {
  const address = parseAddress("172.18.0.2");
  assert.deepEqual([...ownHostsEntry(address, "c1", "shop.example").names], ["c1.shop.example", "c1"]);
  assert.deepEqual([...ownHostsEntry(address, "c1.shop.example").names], ["c1.shop.example", "c1"]);
});

test("removal takes the very lines and leaves whatever else is there", () => {
  const text = "# mine\n172.18.0.2\tc1 extra\n172.18.0.22\tc1\n172.18.0.2 c1\n172.18.0.2\tc1\n\nlast";
  assert.equal(removeHostsLines(text, [OWN]), "# mine\n172.18.0.2\tc1 extra\n172.18.0.22\tc1\n172.18.0.2 c1\n\nlast");
  assert.equal(removeHostsLines("172.18.0.2\tc1", [OWN]), "");
});

test("adding after a last line without a newline starts a line of its own", () => {
  assert.equal(addHostsLines("x", [OWN]), "x\n172.18.0.2\tc1\n");
  assert.equal(addHostsLines("", [OWN]), "172.18.0.2\tc1\n");
});

test("adding and removing the same lines leaves the text as it was", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 })), (lines) => {
      const text = lines.map((line) => `${line}\n`).join("");
      fc.pre(!text.includes("172.18.0.2\tc1"));
      assert.equal(removeHostsLines(addHostsLines(text, [OWN]), [OWN]), text);
    }),
  );
});

test("lines of a name follow its addresses, and stay in place where nothing changed", () => {
  const names = [["db", "chost", "c1"]];
  const at = (text: string) => ({ address: parseAddress(text), names: ["db", "chost", "c1"] });
  const before = "127.0.0.1\tlocalhost\n172.17.0.2\tdb chost c1\n172.17.0.2\tdb\n# mine";
  assert.equal(replaceHostsLines(before, names, [at("172.17.0.2")]), before);
  assert.equal(replaceHostsLines(before, names, []), "127.0.0.1\tlocalhost\n172.17.0.2\tdb\n# mine");
  assert.equal(
    replaceHostsLines(before, names, [at("172.17.0.9"), at("fd00::9")]),
    "127.0.0.1\tlocalhost\n172.17.0.2\tdb\n# mine\n172.17.0.9\tdb chost c1\nfd00::9\tdb chost c1\n",
  );
});
