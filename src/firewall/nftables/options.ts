/** What the nftables backend works with. */
import type { Family } from "../../addr/ip-address.ts";
import type { Log } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";

export interface NftablesOptions {
  readonly kernel: Pick<Kernel, "changeNftables" | "readNftables">;
  readonly log: Log;
  /** False leaves IPv6 alone altogether (`--ip6tables=false`). */
  readonly ip6: boolean;
  /** False: no rules in the host's namespace, which is another engine's; only in sandboxes. */
  readonly hostRules?: boolean;
  /** Families whose packets are not forwarded unless something accepts them: those for which we switched forwarding on. */
  readonly dropForwarded?: readonly Family[];
}
