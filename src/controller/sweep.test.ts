/** What lies in the namespace directory and belongs to nobody, and whom that must not be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { strayNamespaces } from "./sweep.ts";

const UNREAD = "ab12cd34ef56".padEnd(64, "0");

test("files of sandboxes and networks that somebody owns stay, others are strays", () => {
  const names = ["111111111111", "1-2222222222", "333333333333", "1-4444444444", "mine"];
  const owned = ["/run/causeway/netns/111111111111", "/run/causeway/netns/1-2222222222"];
  assert.deepEqual(strayNamespaces(names, owned, []), ["333333333333", "1-4444444444", "mine"]);
});

test("what may be a sandbox's or a network's whose record cannot be read stays", () => {
  assert.deepEqual(strayNamespaces(["ab12cd34ef56", "1-ab12cd34ef", "1-ab12cd34ee"], [], [UNREAD]), ["1-ab12cd34ee"]);
});
