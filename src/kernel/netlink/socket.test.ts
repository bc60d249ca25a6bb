/** The socket layer against a kernel that is played: its answers wait at the other end of a socket pair. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { KernelError } from "../kernel-error.ts";
import { close, receive, send, setSocketOption, socketpair } from "../system/libc.ts";
import { NLM_F, NLMSG, NLMSGERR_ATTR } from "../uapi/netlink.ts";
import { AF, SO, SOCK, SOL } from "../uapi/system.ts";
import { textAttribute, writeAttributes } from "./attribute.ts";
import { decodeMessages } from "./message.ts";
import { demand, NetlinkSocket } from "./socket.ts";

const DATA = 1000;

interface Played {
  readonly type: number;
  readonly sequence: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

function datagram(...messages: readonly Played[]): Uint8Array {
  const writer = new ByteWriter();
  for (const { type, sequence, flags = 0, payload = new Uint8Array() } of messages) {
    writer
      .u32(16 + payload.length)
      .u16(type)
      .u16(flags)
      .u32(sequence)
      .u32(0)
      .bytes(payload)
      .align(4);
  }
  return writer.finish();
}

/** The payload of an NLMSG_ERROR with the request's header, and the kernel's sentence if any. */
function refusal(errno: number, text?: string): Uint8Array {
  const writer = new ByteWriter().i32(-errno).u32(16).u32(0).u32(0).u32(0);
  return writeAttributes(writer, text === undefined ? [] : [textAttribute(NLMSGERR_ATTR.MSG, text)]).finish();
}

const ok = (sequence: number): Played => ({ type: NLMSG.ERROR, sequence, flags: NLM_F.CAPPED, payload: refusal(0) });
const done = (sequence: number, flags = 0): Played => ({
  type: NLMSG.DONE,
  sequence,
  flags,
  payload: new Uint8Array(4),
});

/** Plays the answers, runs `body` on the socket, and returns what was asked. */
function play(answers: readonly Uint8Array[], body: (socket: NetlinkSocket) => void): readonly number[] {
  const [ours, kernel] = socketpair(AF.UNIX, SOCK.DGRAM | SOCK.CLOEXEC | SOCK.NONBLOCK);
  try {
    setSocketOption(kernel, SOL.SOCKET, SO.SNDBUF, 1024 * 1024);
    for (const answer of answers) send(kernel, answer);
    using socket = new NetlinkSocket(ours);
    body(socket);
    return asked(kernel);
  } finally {
    close(kernel);
  }
}

/** Sequence numbers of the requests that came. */
function asked(kernel: number): readonly number[] {
  const buffer = new Uint8Array(4096);
  const sequences: number[] = [];
  for (;;) {
    try {
      const length = receive(kernel, buffer, 0);
      if (length === 0) return sequences;
      sequences.push(...decodeMessages(buffer.slice(0, length)).map((message) => message.sequence));
    } catch {
      return sequences;
    }
  }
}

const request = { type: DATA, flags: 0, payload: new Uint8Array(4) };

test("several requests go out in one datagram, and each gets its own answer, in whatever order they come", () => {
  const text = "no such thing";
  const refused: Played = {
    type: NLMSG.ERROR,
    sequence: 2,
    flags: NLM_F.CAPPED | NLM_F.ACK_TLVS,
    payload: refusal(constants.errno.ENOENT, text),
  };
  const data: Played = { type: DATA, sequence: 3, payload: Uint8Array.of(7, 0, 0, 0) };
  const sequences = play([datagram(refused, data), datagram(ok(3), ok(1))], (socket) => {
    const answers = socket.execute([request, request, request]);
    assert.deepEqual(
      answers.map(({ errno, messages }) => [errno, messages.map((message) => message.payload[0])]),
      [
        [0, []],
        [constants.errno.ENOENT, []],
        [0, [7]],
      ],
    );
    assert.throws(() => demand(answers[1], "find it"), { message: `find it: ${text} (ENOENT)` });
    assert.equal(demand(answers[1], "find it", [constants.errno.ENOENT]), answers[1]);
  });
  assert.deepEqual(sequences, [1, 2, 3]);
});

test("answers to what was asked before, or never, are dropped", () => {
  play([datagram(ok(77), ok(0), { type: DATA, sequence: 76 }, ok(1)), datagram(ok(1), ok(2))], (socket) => {
    assert.equal(socket.execute([request])[0]?.errno, 0);
    assert.deepEqual(socket.execute([request])[0], { errno: 0, messages: [] });
  });
});

test("a dump that was interrupted is asked for again, and only the whole one is returned", () => {
  const part = (sequence: number, value: number, flags = 0): Played => {
    return { type: DATA, sequence, flags, payload: Uint8Array.of(value, 0, 0, 0) };
  };
  const answers = [
    datagram(part(1, 1), part(1, 2, NLM_F.DUMP_INTR)),
    datagram(done(1)),
    datagram(part(2, 3), done(2, NLM_F.DUMP_INTR)),
    datagram(part(3, 4), part(3, 5)),
    datagram(done(3)),
  ];
  const sequences = play(answers, (socket) => {
    const messages = socket.dump(request, "list");
    assert.deepEqual(
      messages.map((message) => message.payload[0]),
      [4, 5],
    );
  });
  assert.deepEqual(sequences, [1, 2, 3]);
});

test("a dump that is interrupted for ever is an error in the end", () => {
  const answers = Array.from({ length: 64 }, (_, index) => datagram(done(index + 1, NLM_F.DUMP_INTR)));
  play(answers, (socket) => assert.throws(() => socket.dump(request, "list links"), /list links: .*\(EINTR\)/));
});

test("a dump that is refused is an error with the operation", () => {
  const error = { type: NLMSG.ERROR, sequence: 1, payload: refusal(constants.errno.EPERM) };
  play([datagram(error)], (socket) => {
    assert.throws(() => socket.dump(request, "list links"), new KernelError({ operation: "list links", errno: 1 }));
  });
});

test("an answer that never comes and one that is too large are errors", () => {
  play([], (socket) => assert.throws(() => socket.execute([request]), /ask the kernel: no answer .*ETIMEDOUT/));
  play([new Uint8Array(300 * 1024)], (socket) => {
    assert.throws(() => socket.execute([request]), /receive an answer of 307200 bytes: EMSGSIZE/);
  });
});
