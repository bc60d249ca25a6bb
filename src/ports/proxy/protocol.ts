/** What the main thread and the proxy's thread say to each other: requests with a number, one reply to each, and complaints. */

/** A socket to serve, as plain data. */
export interface Order {
  readonly fd: number;
  readonly protocol: "tcp" | "udp";
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
}

export type ProxyRequest =
  | { readonly kind: "serve"; readonly sequence: number; readonly orders: readonly Order[] }
  | { readonly kind: "stop"; readonly sequence: number; readonly fds: readonly number[] }
  /** Everything is to end, the thread too. */
  | { readonly kind: "close" };

export type ProxyReport =
  | { readonly kind: "done"; readonly sequence: number }
  | { readonly kind: "failed"; readonly sequence: number; readonly reason: string }
  | { readonly kind: "complaint"; readonly message: string };
