/**
 * The test plugin (`veth-plugin.ts`) as a program, for hosts that are namespaces: what it was asked goes to its output, a line of
 * JSON each. Ends with its input. Usage: node veth-plugin-program.ts NAME CAPABILITIES
 */
import { startVethPlugin } from "./veth-plugin.ts";

const FLUSH_MS = 20;

const [name = "", capabilities = "{}"] = process.argv.slice(2);
const plugin = await startVethPlugin(name, { givesGateway: true });
plugin.scripts["NetworkDriver.GetCapabilities"] = (): unknown => JSON.parse(capabilities);
setInterval(() => {
  for (const call of plugin.calls.splice(0)) process.stdout.write(`${JSON.stringify(call)}\n`);
}, FLUSH_MS);
process.stdout.write("listening\n");
process.stdin.resume().on("end", () => void plugin[Symbol.asyncDispose]().then(() => process.exit()));
