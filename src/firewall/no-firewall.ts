/**
 * The firewall of `--iptables=false`: does nothing, and says once what that means. Networks still work; nothing is masked,
 * isolated or redirected, so names of user-defined networks resolve only where port 53 needs no redirect.
 */
import type { Log } from "../base/log.ts";
import type { Firewall } from "./firewall.ts";

export function openNoFirewall(log: Log): Firewall {
  log.warn({}, "packet filtering is off: networks are neither masqueraded nor isolated from each other");
  return {
    backend: "none",
    reconcile: () => Promise.resolve({ added: 0, removed: 0 }),
    repair: () => Promise.resolve({ added: 0, removed: 0 }),
    apply: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
