/** The walk-through as data: what is typed, what must come of it, and why it is worth seeing. */

export interface Line {
  /** As typed after `docker`; `{tar}` stands for the busybox tar file. */
  readonly command: readonly string[];
  /** Must occur in the output. */
  readonly shows?: RegExp;
  /** Must not. */
  readonly hides?: RegExp;
  /** The command is refused, or what runs in the container fails. */
  readonly fails?: boolean;
  /** Typed on a terminal, line by line, each after a prompt. */
  readonly typed?: readonly string[];
  /** What the kernel's side of it is, where the difference of two looks does not say it. */
  readonly note?: string;
}

const words = (text: string): readonly string[] => text.split(" ");

export const WALK: readonly Line[] = [
  { command: words("network create backend"), shows: /^[0-9a-f]{64}$/m },
  { command: words("network create frontend"), shows: /^[0-9a-f]{64}$/m },
  { command: words("network ls"), shows: /NETWORK ID\s+NAME\s+DRIVER\s+SCOPE[\s\S]*backend[\s\S]*none\s+null\s+local/ },
  ...["bridge", "host", "none"].map((name): Line => {
    return { command: ["network", "rm", name], fails: true, shows: /is a pre-defined network and cannot be removed/ };
  }),
  { command: ["import", "--change", 'CMD ["sh"]', "{tar}", "busybox"], shows: /sha256:[0-9a-f]{64}/ },
  { command: words("run -itd --name c1 --net backend busybox"), shows: /^[0-9a-f]{64}$/m },
  { command: words("run -itd --name c2 --net backend busybox"), shows: /^[0-9a-f]{64}$/m },
  { command: words("run -itd --name c3 --net frontend busybox"), shows: /^[0-9a-f]{64}$/m },
  {
    command: words("exec c1 ping -c2 c2"),
    shows: /PING c2 \(172\.18\.0\.3\)[\s\S]* 0% packet loss/,
    note: "c1 asked 127.0.0.11 for c2; the packets crossed backend's bridge",
  },
  {
    command: words("exec c1 ping -c1 c3"),
    fails: true,
    shows: /ping: bad address 'c3'/,
    note: "the resolver knows a network's names for those on it alone",
  },
  {
    command: words("exec -it c2 sh"),
    typed: ["tty", "stty size", "exit"],
    shows: /\/dev\/pts\/\d[\s\S]*30 100/,
    note: "the terminal's size reached the container",
  },
  { command: words("exec c2 ifconfig"), shows: /eth0[\s\S]*172\.18\.0\.3/, hides: /eth1/ },
  { command: words("network connect frontend c2"), note: "c2 went on running meanwhile" },
  { command: words("exec c2 ifconfig"), shows: /eth0[\s\S]*eth1[\s\S]*172\.19\.0\.3/ },
  { command: words("exec c2 ping -c1 c3"), shows: / 0% packet loss/ },
  { command: words("exec c3 ping -c1 c2"), shows: / 0% packet loss/ },
  { command: words("network disconnect frontend c2") },
  { command: words("exec c2 ifconfig"), hides: /eth1/ },
  { command: words("exec c3 ping -c1 c2"), fails: true, shows: /bad address 'c2'/ },
  {
    command: words("network inspect backend"),
    shows: /"Subnet": "172\.18\.0\.0\/16"[\s\S]*"EndpointID": "[0-9a-f]{64}"/,
  },
  { command: words("network rm backend"), fails: true, shows: /has active endpoints .*c1/ },
  { command: words("run -d --name plain busybox sleep 1000"), note: "without --net it is docker0" },
  { command: words("exec plain ip route"), shows: /default via 172\.17\.0\.1 dev eth0/ },
  {
    command: words("rm -f c1 c2 c3 plain"),
    shows: /plain/,
    note: "namespaces, veth pairs and addresses go with their containers",
  },
  { command: words("network rm backend frontend"), shows: /backend\s+frontend/ },
];
