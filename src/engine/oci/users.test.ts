/** Users and groups looked up in a container's own files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveUser } from "./users.ts";

const files = {
  passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/:/bin/sh\nbroken line\n#off:x:1:1\n",
  group: "root:x:0:\nweb:x:34:\nextra:x:44:web,root\nadm:x:4:web\n",
};

test("no user is root with root's groups", () => {
  assert.deepEqual(resolveUser("", files), { uid: 0, gid: 0, additionalGids: [0, 44] });
  assert.deepEqual(resolveUser(undefined, {}), { uid: 0, gid: 0, additionalGids: [0] });
});

test("a name and its number mean the same account", () => {
  const web = { uid: 33, gid: 34, additionalGids: [34, 44, 4] };
  assert.deepEqual(resolveUser("web", files), web);
  assert.deepEqual(resolveUser("33", files), web);
});

test("a given group replaces the account's groups", () => {
  assert.deepEqual(resolveUser("web:adm", files), { uid: 33, gid: 4, additionalGids: [4] });
  assert.deepEqual(resolveUser("7:8", files), { uid: 7, gid: 8, additionalGids: [8] });
});

test("a number needs no account, a name does", () => {
  assert.deepEqual(resolveUser("1234", files), { uid: 1234, gid: 0, additionalGids: [0] });
  assert.throws(() => resolveUser("nobody", files), {
    message: "unable to find user nobody: no matching entries in passwd file",
  });
  assert.throws(() => resolveUser("web:none", files), {
    message: "unable to find group none: no matching entries in group file",
  });
  assert.throws(() => resolveUser("4294967295", files), { message: "uids and gids must be in range 0-2147483647" });
});
