/** The command line and daemon.json as dockerd reads them: forms of flags, error texts, conflicts, and what we admit to. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { parseCommandLine } from "./command-line.ts";
import { merge, parseConfigText } from "./config-file.ts";
import { helpText } from "./help.ts";
import { Settings } from "./settings.ts";
import { supportNotes } from "./support.ts";
import { FLAGS, flagForKey, flagNamed } from "./table.ts";

const parse = (...args: string[]): Settings => new Settings(parseCommandLine(args));

test("a value follows its flag, or stands after an equals sign, or sticks to the short form", () => {
  for (const args of [["--log-level", "warn"], ["--log-level=warn"], ["-l", "warn"], ["-lwarn"]]) {
    assert.equal(parse(...args).text("log-level"), "warn");
  }
});

test("a switch is true alone and takes a value only after an equals sign", () => {
  assert.equal(parse("--icc").flag("icc"), true);
  assert.equal(parse("--icc=false").flag("icc"), false);
  assert.equal(parse("--icc=0", "-D").flag("icc"), false);
  assert.throws(() => parse("--icc", "false"), /accepts no arguments/);
});

test("a list grows with each occurrence", () => {
  assert.deepEqual(parse("--dns", "10.0.0.1", "--dns=10.0.0.2").list("dns"), ["10.0.0.1", "10.0.0.2"]);
});

test("what was not given has dockerd's default", () => {
  const settings = parse();
  assert.equal(settings.flag("iptables"), true);
  assert.equal(settings.number("mtu"), 1500);
  assert.equal(settings.text("bip"), undefined);
});

for (const [args, message] of [
  [["--no-such-flag"], "unknown flag: --no-such-flag"],
  [["-Z"], "unknown shorthand flag: 'Z' in -Z"],
  [["--data-root"], "flag needs an argument: --data-root"],
  [["-H"], "flag needs an argument: 'H' in -H"],
  [["--mtu", "wide"], 'invalid argument "wide" for "--mtu" flag: strconv.ParseInt: parsing "wide": invalid syntax'],
  [["-D=perhaps"], /strconv.ParseBool|unknown shorthand/],
  [["--icc=maybe"], 'invalid argument "maybe" for "--icc" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
  [["run"], "causewayd accepts no arguments"],
] as const) {
  test(`${args.join(" ")} is refused: ${String(message)}`, () => {
    assert.throws(() => parse(...args), typeof message === "string" ? { message } : message);
  });
}

test("an address pool is written base=CIDR,size=LENGTH", () => {
  const settings = parse("--default-address-pool", "base=10.10.0.0/16,size=24");
  assert.deepEqual(settings.value("default-address-pool"), [{ base: "10.10.0.0/16", size: 24 }]);
  assert.throws(() => parse("--default-address-pool", "10.10.0.0/16"), /base=CIDR,size=PREFIX-LENGTH/);
});

test("a key that is both typed and in the file is named with both values", () => {
  const file = parseConfigText('{"dns": ["10.0.0.2"], "bip": "172.30.0.1/16"}');
  assert.throws(() => merge(parseCommandLine(["--dns", "10.0.0.1"]), file), {
    message:
      "the following directives are specified both as a flag and in the configuration file: " +
      "dns: (from flag: [10.0.0.1], from file: [10.0.0.2])",
  });
});

test("keys that nobody knows are named", () => {
  assert.throws(() => merge(new Map(), parseConfigText('{"bip": "172.30.0.1/16", "bib": 1, "bob": 2}')), {
    message: "the following directives don't match any configuration option: bib, bob",
  });
});

test("keys have dockerd's spelling, groups are opened up, and an empty file says nothing", () => {
  const text = '{"dns-opts": ["ndots:2"], "hosts": ["fd://"], "labels": ["a=b"], "proxies": {"no-proxy": "x"}}';
  const settings = merge(new Map(), parseConfigText(text));
  assert.deepEqual(settings.names(), ["dns-opt", "host", "label", "no-proxy"]);
  assert.deepEqual(parseConfigText("\uFEFF \n").size, 0);
});

test("a value of the wrong shape is refused with the shape that it should have", () => {
  assert.throws(() => merge(new Map(), parseConfigText('{"mtu": "1400"}')), {
    message: 'mtu must be a whole number, not "1400"',
  });
  assert.throws(() => merge(new Map(), parseConfigText('{"dns": "10.0.0.1"}')), /dns must be a list of strings/);
});

test("false in the file stays false", () => {
  assert.equal(merge(new Map(), parseConfigText('{"iptables": false}')).flag("iptables"), false);
});

test("a flag without effect is named in one warning, a harmless value is not", () => {
  assert.deepEqual(supportNotes(parse("--storage-driver", "overlay2")), [
    "--storage-driver is accepted for dockerd's sake and has no effect here",
  ]);
  assert.deepEqual(supportNotes(parse("--network-control-plane-mtu", "1400")), [
    "--network-control-plane-mtu is not implemented yet and has no effect",
  ]);
  assert.deepEqual(supportNotes(parse("--firewall-backend=nftables", "--mtu=1400")), []);
});

test("a promise of safety that we cannot keep is refused", () => {
  assert.throws(() => supportNotes(parse("--userns-remap", "default")), /--userns-remap: not implemented/);
  assert.throws(() => supportNotes(parse("--authorization-plugin", "opa")), /--authorization-plugin/);
  assert.deepEqual(supportNotes(parse("--seccomp-profile=unconfined", "--no-new-privileges=false")), []);
});

test("no name, short form or key is used twice", () => {
  for (const names of [
    FLAGS.map((flag) => flag.name),
    FLAGS.flatMap((flag) => flag.short ?? []),
    FLAGS.map((flag) => flag.key ?? flag.name),
  ]) {
    assert.equal(new Set(names).size, names.length);
  }
});

test("the older spelling host-gateway-ip is read from the file", () => {
  assert.equal(flagForKey("host-gateway-ip")?.name, "host-gateway-ip");
});

test("help shows each flag that acts", () => {
  const text = helpText();
  for (const flag of FLAGS) if (flag.fileOnly !== true) assert.ok(text.includes(`--${flag.name}`), flag.name);
});

function dockerdFlags(): readonly string[] | undefined {
  try {
    return execFileSync("dockerd", ["--help"], { encoding: "utf8" }).match(/(?<= {2}--)[\w-]+|(?<=, --)[\w-]+/g) ?? [];
  } catch {
    return undefined;
  }
}

const installed = dockerdFlags();

test(
  "every flag of the dockerd on this machine is known",
  { skip: installed === undefined && "no dockerd here" },
  () => {
    assert.deepEqual(
      installed?.filter((name) => flagNamed(name) === undefined),
      [],
    );
  },
);
