import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { parseBody } from "./body.ts";
import { ContainerCreateBody } from "./container-bodies.ts";
import { decodeDocument, type Decoder } from "./decoder.ts";
import { NetworkCreateBody } from "./network-bodies.ts";

function refusal(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, "invalid-argument");
    return error.message;
  }
  throw new assert.AssertionError({ message: "was not refused" });
}

const REFUSALS: readonly (readonly [Decoder<unknown>, unknown, string])[] = [
  [NetworkCreateBody, { Name: 1 }, "number into Go struct field CreateRequest.Name of type string"],
  [NetworkCreateBody, { Internal: "yes" }, "string into Go struct field CreateRequest.Internal of type bool"],
  [NetworkCreateBody, { Options: { a: 1 } }, "number into Go struct field CreateRequest.Options of type string"],
  [
    NetworkCreateBody,
    { IPAM: { Config: [{ Subnet: 1 }] } },
    "number into Go struct field IPAMConfig.IPAM.Config.Subnet of type string",
  ],
  [NetworkCreateBody, [], "array into Go value of type CreateRequest"],
  [ContainerCreateBody, { Cmd: 1 }, "number into Go struct field CreateRequest.Cmd of type string"],
  [
    ContainerCreateBody,
    { HostConfig: { Memory: "x" } },
    "string into Go struct field HostConfig.HostConfig.Memory of type int64",
  ],
  [
    ContainerCreateBody,
    { HostConfig: { Memory: 1.5 } },
    "number 1.5 into Go struct field HostConfig.HostConfig.Memory of type int64",
  ],
];

test("a value of the wrong type is refused as Go's decoder refuses it", () => {
  for (const [decoder, document, why] of REFUSALS) {
    assert.equal(
      refusal(() => decodeDocument(decoder, document)),
      `invalid JSON: json: cannot unmarshal ${why}`,
    );
  }
});

test("unknown fields are ignored, names match in any case, null leaves a field unset", () => {
  assert.deepEqual(decodeDocument(NetworkCreateBody, { name: "n", LABELS: null, Nonsense: 1 }), { Name: "n" });
});

test("a command may be a string", () => {
  assert.deepEqual(decodeDocument(ContainerCreateBody, { Cmd: "sh" }), { Cmd: ["sh"] });
});

test("an endpoint that is null is an endpoint without settings", () => {
  const document = { NetworkingConfig: { EndpointsConfig: { backend: null } } };
  assert.deepEqual(
    decodeDocument(ContainerCreateBody, document),
    document.NetworkingConfig && {
      NetworkingConfig: { EndpointsConfig: { backend: {} } },
    },
  );
});

test("prototype members are no fields", () => {
  const decoded = decodeDocument(NetworkCreateBody, JSON.parse('{"__proto__":{"Name":"x"},"constructor":1}'));
  assert.deepEqual(Object.keys(decoded), []);
});

test("a body must be JSON by its content type, and one document", () => {
  const body = (text: string, type?: string) => refusal(() => parseBody(Buffer.from(text), type));
  assert.equal(body("{}", "text/plain"), "unsupported Content-Type header (text/plain): must be 'application/json'");
  assert.equal(body("{", "application/json"), "invalid JSON: unexpected EOF");
  assert.equal(body("  ", "application/json"), "invalid JSON: got EOF while reading request body");
  assert.equal(body("{} {}", "application/json; charset=utf-8"), "unexpected content after JSON");
  assert.equal(parseBody(Buffer.alloc(0), "text/plain"), undefined);
  assert.deepEqual(parseBody(Buffer.from('{"a":1}'), undefined), { a: 1 });
});
