/**
 * The seccomp filter of a container: an allow list with the same effect as Docker's default profile (everything else fails
 * with EPERM). The names are data (`seccomp-profile.json`); the rules about arguments are here. Names that this machine's
 * libseccomp does not know are ignored by runc.
 */
import profile from "./seccomp-profile.json" with { type: "json" };
import type { SeccompRule, SeccompSpec } from "./runtime-spec.ts";

const ALLOW = "SCMP_ACT_ALLOW";
const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET: none of them may be set. */
const CLONE_NAMESPACES = 0x7e02_0000;
/** personality(2): the default, PER_LINUX32, UNAME26, both, and the query. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  ppc64: ["SCMP_ARCH_PPC64LE"],
  s390x: ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
  riscv64: ["SCMP_ARCH_RISCV64"],
};

/** The filter for processes that hold `capabilities`; each capability opens the calls that it governs. */
export function seccompFilter(capabilities: readonly string[], architecture: string = process.arch): SeccompSpec {
  const held = new Set(capabilities);
  const names = [
    ...words(profile.allow),
    ...words(lookUp(profile.byArchitecture, architecture)),
    ...Object.entries(profile.byCapability).flatMap(([capability, text]) => (held.has(capability) ? words(text) : [])),
  ];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: ARCHITECTURES[architecture] ?? [],
    syscalls: [
      { names: [...new Set(names)], action: ALLOW },
      ...argumentRules(),
      ...(held.has("CAP_SYS_ADMIN") ? [] : namespaceRules(architecture)),
    ],
  };
}

function argumentRules(): readonly SeccompRule[] {
  return [
    { names: ["socket"], action: ALLOW, args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }] },
    ...PERSONALITIES.map((value) => ({
      names: ["personality"],
      action: ALLOW,
      args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
    })),
  ];
}

/** Without CAP_SYS_ADMIN: clone without new namespaces; clone3 "does not exist", which makes C libraries fall back to clone. */
function namespaceRules(architecture: string): readonly SeccompRule[] {
  // s390's clone takes the flags second.
  const index = architecture === "s390x" ? 1 : 0;
  const args = [{ index, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }];
  return [
    { names: ["clone"], action: ALLOW, args },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
  ];
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

function lookUp(table: Readonly<Record<string, string>>, key: string): string {
  return table[key] ?? "";
}
