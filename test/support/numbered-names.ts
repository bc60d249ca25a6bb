/** Replaces what differs from run to run by its kind and a number, the same for the same, in the order of appearance. */

/** Members of the protocol's JSON whose texts differ from run to run. */
const KINDS: Readonly<Record<string, string>> = {
  NetworkID: "network",
  EndpointID: "endpoint",
  SandboxKey: "sandbox",
  MacAddress: "mac",
  SrcName: "link",
};

/** Lists whose order dockerd's sorting of a map decides. */
const UNORDERED = new Set(["com.docker.network.endpoint.exposedports", "com.docker.network.portmap"]);

export class NumberedNames {
  readonly #known = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** The JSON with its members in the order of their names; what is no JSON, as it is. */
  ofJson(body: string): string {
    if (body.trim() === "") return "(no body)";
    const parsed = parse(body);
    return parsed === undefined ? JSON.stringify(body) : JSON.stringify(this.#value(parsed.value, ""));
  }

  /** Free text: what is known from the JSON, whatever else looks like an id, and times. */
  ofText(message: string): string {
    const timeless = message.replaceAll(/time="[^"]*"/g, 'time="<time>"');
    return timeless.replaceAll(/[0-9a-f]{64}/g, (id) => this.#numbered("id", id));
  }

  #value(value: unknown, key: string): unknown {
    if (Array.isArray(value)) {
      const items = value.map((item: unknown) => this.#value(item, key));
      return UNORDERED.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
    }
    // No options are null to one daemon and an empty object to another.
    if (value === null && key === "Options") return {};
    if (typeof value === "object" && value !== null) {
      const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
      return Object.fromEntries(members.map(([name, item]) => [name, this.#value(item, name)]));
    }
    const kind = KINDS[key];
    return typeof value === "string" && value !== "" && kind !== undefined ? this.#numbered(kind, value) : value;
  }

  #numbered(kind: string, text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const name = `<${kind} ${count}>`;
    this.#known.set(text, name);
    return name;
  }
}

function parse(body: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}
