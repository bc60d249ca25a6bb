/** The nftables backend over a model of nf_tables: the contract, and how little a change costs. */
import { FakeKernel } from "../../kernel/fake.ts";
import { silentLog } from "../../base/log.ts";
import { firewallContract } from "../firewall.contract.ts";
import { openNftablesFirewall } from "./backend.ts";

firewallContract("nftables over a model", () =>
  openNftablesFirewall({ kernel: new FakeKernel(), log: silentLog, ip6: true }),
);
