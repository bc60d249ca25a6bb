/** Addresses as text, bytes and numbers; Node's own parser (`net.isIP`, `net.SocketAddress`) is the judge. */
import assert from "node:assert/strict";
import { isIP, SocketAddress } from "node:net";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  addressBytes,
  addressFromBytes,
  compareAddresses,
  formatAddress,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
  sameAddress,
  tryParseAddress,
  type IpAddress,
} from "./ip-address.ts";

const ipv4: fc.Arbitrary<IpAddress> = fc
  .bigInt({ min: 0n, max: 2n ** 32n - 1n })
  .map((value) => ({ family: 4, value }));
/** Many zero groups, so that `::` has something to do. */
const ipv6: fc.Arbitrary<IpAddress> = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => ({ family: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) }));
const anyAddress = fc.oneof(ipv4, ipv6);

describe("address text", () => {
  const canonical: readonly (readonly [text: string, printed: string])[] = [
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0001:002:03:4::", "1:2:3:4::"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["::1.2.3.4", "::102:304"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ];
  for (const [text, printed] of canonical) {
    it(`${text} is printed as ${printed}`, () => assert.equal(formatAddress(parseAddress(text)), printed));
  }

  const malformed = [
    ..."|1.2.3|1.2.3.4.5|1.2.3.256|01.2.3.4|1.2.3.-4|1.2.3.4 | 1.2.3.4|1.2.3.a|0x1.2.3.4|1..2.3".split("|"),
    ..."1.2.3.4/8|:|:::|1::2::3|12345::|g::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::".split("|"),
    ..."::1.2.3|1.2.3.4::|::1.2.3.4:5|fe80::1%eth0|1:2:3:4:5:6:7:1.2.3.4|:1::2|1::2:|[::1]|::01.2.3.4".split("|"),
  ];
  for (const text of malformed) {
    it(`${JSON.stringify(text)} is no address`, () => {
      assert.equal(tryParseAddress(text), undefined);
      assert.throws(() => parseAddress(text), SyntaxError);
    });
  }

  it("is read back as the address that was printed", () => {
    fc.assert(fc.property(anyAddress, (address) => sameAddress(parseAddress(formatAddress(address)), address)));
  });

  it("is printed as Node prints it", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = formatAddress(address);
        assert.equal(isIP(text), address.family);
        const judge = new SocketAddress({ address: text, family: address.family === 4 ? "ipv4" : "ipv6" });
        // glibc's inet_ntop also prints the deprecated ::a.b.c.d form, which RFC 5952 has no word for
        if (!/^::\d+\.\d+\.\d+\.\d+$/.test(judge.address)) assert.equal(text, judge.address);
      }),
    );
  });

  it("is accepted exactly where Node accepts it", () => {
    const snippet = fc.stringMatching(/^[0-9a-f:.]{0,20}$/);
    fc.assert(
      fc.property(snippet, (text) => assert.equal(tryParseAddress(text)?.family ?? 0, isIP(text))),
      {
        numRuns: 2000,
      },
    );
  });
});

describe("address bytes", () => {
  it("are in network order", () => {
    assert.deepEqual([...addressBytes(parseAddress("172.18.0.2"))], [172, 18, 0, 2]);
    assert.deepEqual([...addressBytes(parseAddress("fd00::1"))], [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });

  it("give back the address", () => {
    fc.assert(fc.property(anyAddress, (address) => assert.deepEqual(addressFromBytes(addressBytes(address)), address)));
  });

  it("of another length are no address", () => {
    for (const length of [0, 3, 5, 15, 17]) assert.equal(addressFromBytes(new Uint8Array(length)), undefined);
  });
});

it("addresses sort IPv4 first, then by value", () => {
  const sorted = ["::1", "10.0.0.10", "9.0.0.1", "::", "10.0.0.9"].map(parseAddress).sort(compareAddresses);
  assert.deepEqual(sorted.map(formatAddress), ["9.0.0.1", "10.0.0.9", "10.0.0.10", "::", "::1"]);
});

it("loopback and unspecified addresses are known in both families", () => {
  assert.deepEqual(
    ["127.0.0.11", "127.255.0.1", "::1", "128.0.0.1", "::2"].map((text) => isLoopback(parseAddress(text))),
    [true, true, true, false, false],
  );
  assert.ok(isUnspecified(parseAddress("0.0.0.0")) && isUnspecified(parseAddress("::")));
});

it("multicast addresses are known in both families", () => {
  assert.deepEqual(
    ["224.0.0.1", "239.255.255.255", "ff02::1", "223.255.255.255", "240.0.0.0", "fe80::1"].map((text) =>
      isMulticast(parseAddress(text)),
    ),
    [true, true, true, false, false, false],
  );
});
