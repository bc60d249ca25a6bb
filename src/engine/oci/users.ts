/**
 * Who a process runs as: Docker's `user`, `uid`, `user:group`, `uid:gid` looked up in the container's own passwd(5) and
 * group(5). Numbers need not exist there; names must.
 */
import { EngineError } from "../../base/errors.ts";
import type { ProcessSpec } from "./runtime-spec.ts";

export interface UserFiles {
  /** Text of the container's /etc/passwd; absent: none. */
  readonly passwd?: string;
  readonly group?: string;
}

const MAX_ID = 2 ** 31 - 1;

interface Entry {
  readonly name: string;
  readonly id: number;
  readonly fields: readonly string[];
}

/** Throws `invalid-argument` with Docker's texts for names that do not exist and numbers out of range. */
export function resolveUser(user: string | undefined, files: UserFiles): ProcessSpec["user"] {
  const [userPart = "", groupPart] = (user ?? "").split(":", 2);
  const account = findUser(userPart, entries(files.passwd));
  const groups = entries(files.group);
  if (groupPart !== undefined && groupPart !== "") return withGroups(account.uid, findGroup(groupPart, groups), []);
  const name = account.name;
  const additional = groups
    .filter((group) => name !== undefined && (group.fields[3] ?? "").split(",").includes(name))
    .map((group) => group.id);
  return withGroups(account.uid, account.gid, additional);
}

/**
 * The primary group is among the supplementary ones too, as login(1) has it: otherwise a process that changes its group sheds
 * a group that files may deny things to (CVE-2022-36109).
 */
function withGroups(uid: number, gid: number, additional: readonly number[]): ProcessSpec["user"] {
  return { uid, gid, additionalGids: [...new Set([gid, ...additional])] };
}

function findUser(text: string, accounts: readonly Entry[]): { uid: number; gid: number; name?: string } {
  const wanted = text === "" ? "0" : text;
  const uid = numberOf(wanted);
  const found = accounts.find((entry) => entry.name === wanted) ?? accounts.find((entry) => entry.id === uid);
  if (found !== undefined) return { uid: found.id, gid: numberOf(found.fields[3] ?? "") ?? 0, name: found.name };
  if (uid === undefined) {
    throw new EngineError("invalid-argument", `unable to find user ${text}: no matching entries in passwd file`);
  }
  return { uid: inRange(uid), gid: 0 };
}

function findGroup(text: string, groups: readonly Entry[]): number {
  const gid = numberOf(text);
  const found = groups.find((entry) => entry.name === text);
  if (found !== undefined) return found.id;
  if (gid !== undefined) return inRange(gid);
  throw new EngineError("invalid-argument", `unable to find group ${text}: no matching entries in group file`);
}

/** Lines of `name:password:id:...`; others are passed over. */
function entries(text: string | undefined): readonly Entry[] {
  return (text ?? "").split("\n").flatMap((line) => {
    const fields = line.split(":");
    const id = numberOf(fields[2] ?? "");
    return id === undefined || line.startsWith("#") ? [] : [{ name: fields[0] ?? "", id, fields }];
  });
}

function numberOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function inRange(id: number): number {
  if (id <= MAX_ID) return id;
  throw new EngineError("invalid-argument", `uids and gids must be in range 0-${MAX_ID}`);
}
