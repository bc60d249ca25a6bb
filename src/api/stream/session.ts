/** What serves a connection once its HTTP part is over: attach and exec, over an upgraded socket or a plain answer. */
import type { Duplex } from "node:stream";

export interface StreamSession {
  readonly contentType: string;
  /** Takes the connection over and resolves when it was served. Never rejects. */
  serve(client: Duplex): Promise<void>;
}
