/** Lines for the docker CLI, as a user types them, against a test's daemon; a failure shows what the daemon logged. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { run } from "./run.ts";
import type { Ran } from "./run.ts";

/** A causewayd or a dockerd. */
export interface DockerDaemon {
  readonly directory: string;
  readonly log: string;
  docker(args: readonly string[]): Promise<Ran>;
}

export class DockerLines {
  readonly #daemon: DockerDaemon;

  constructor(daemon: DockerDaemon) {
    this.#daemon = daemon;
  }

  /** Words apart by spaces, but for those in single quotes. Must succeed; gives its output without the last line end. */
  async ok(line: string): Promise<string> {
    const { status, stdout, stderr } = await this.#daemon.docker(wordsOf(line));
    assert.equal(status, 0, `docker ${line}: ${stderr}\n${this.#daemon.log}`);
    return stdout.trimEnd();
  }

  /** Must fail; gives what it complained. */
  async fails(line: string): Promise<string> {
    const { status, stdout, stderr } = await this.#daemon.docker(wordsOf(line));
    assert.notEqual(status, 0, `docker ${line} should have failed: ${stdout}`);
    return stderr.trim();
  }

  /** Whether it succeeds. */
  async does(line: string): Promise<boolean> {
    return (await this.#daemon.docker(wordsOf(line))).status === 0;
  }

  /** An image called busybox, whose program is sh. */
  async importBusybox(): Promise<void> {
    const tar = join(this.#daemon.directory, "busybox.tar");
    makeBusyboxTar(tar);
    await this.ok(`import --change 'CMD ["sh"]' ${tar} busybox`);
  }

  /** Where a container's network namespace is. */
  async namespace(container: string): Promise<string> {
    return this.ok(`inspect -f '{{.NetworkSettings.SandboxKey}}' ${container}`);
  }
}

function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** A shell script that must succeed; gives what it printed. */
export async function sh(script: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", script]);
  assert.equal(status, 0, `${script}: ${stderr}`);
  return stdout;
}
