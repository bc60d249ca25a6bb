/** `--mount type=bind,source=/x,target=/y,readonly` as the API wants it. */
import { CliFailure } from "../failure.ts";
import type { Json } from "../../store/store.ts";

/** Throws CliFailure for fields that it does not know. */
export function parseMount(text: string): Json {
  const mount: Record<string, Json> = { Type: "volume" };
  for (const field of text.split(",")) {
    const [key = "", value = ""] = splitField(field);
    switch (key) {
      case "type":
        mount["Type"] = value.toLowerCase();
        break;
      case "source":
      case "src":
        mount["Source"] = value;
        break;
      case "target":
      case "dst":
      case "destination":
        mount["Target"] = value;
        break;
      case "readonly":
      case "ro":
        mount["ReadOnly"] = value !== "false" && value !== "0";
        break;
      case "bind-propagation":
        mount["BindOptions"] = { Propagation: value.toLowerCase() };
        break;
      default:
        throw new CliFailure(`unexpected key '${key}' in '${field}'`);
    }
  }
  if (mount["Target"] === undefined) throw new CliFailure("target is required");
  return mount;
}

function splitField(field: string): string[] {
  const equals = field.indexOf("=");
  return equals < 0 ? [field.toLowerCase()] : [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
}
