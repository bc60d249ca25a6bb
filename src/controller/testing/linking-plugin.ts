/**
 * A plugin over a fake kernel that makes interfaces as an honest one does: a link on the host when an endpoint joins, gone when
 * the endpoint is deleted. Addresses come from it, too.
 */
import { HOST, type LinkFact } from "../../kernel/facts.ts";
import type { FakeKernel } from "../../kernel/fake.ts";
import { ScriptedPlugin, type Script } from "../../drivers/remote/testing/scripted-plugin.ts";

export interface LinkingOptions {
  /** What Join says besides its interface. */
  readonly joined?: Readonly<Record<string, unknown>>;
  readonly scripts?: Readonly<Record<string, Script>>;
}

export async function startLinkingPlugin(
  kernel: FakeKernel,
  { joined = {}, scripts = {} }: LinkingOptions = {},
): Promise<ScriptedPlugin> {
  let next = 2;
  return ScriptedPlugin.start({
    "NetworkDriver.Join": ({ EndpointID }: { EndpointID: string }) => {
      kernel.meddle({ add: linkOf(EndpointID) });
      return { InterfaceName: { SrcName: linkOf(EndpointID).name, DstPrefix: "eth" }, ...joined };
    },
    "NetworkDriver.DeleteEndpoint": ({ EndpointID }: { EndpointID: string }) => {
      kernel.meddle({ remove: linkOf(EndpointID) });
      return {};
    },
    "IpamDriver.RequestPool": ({ Pool }: { Pool: string }) => ({ PoolID: "pool1", Pool: Pool || "10.50.0.0/24" }),
    "IpamDriver.RequestAddress": ({ Address, Options }: { Address: string; Options: Record<string, string> }) => {
      const chosen = Options["RequestAddressType"] === undefined ? `10.50.0.${next++}` : "10.50.0.1";
      return { Address: `${Address || chosen}/24` };
    },
    ...scripts,
  });
}

function linkOf(endpointId: string): LinkFact {
  const device = { type: "unknown", kind: "veth" } as const;
  return { kind: "link", namespace: HOST, name: `pc${endpointId.slice(0, 8)}`, device, up: false };
}
