// The filter of system calls, run by a small machine of the kernel's language: what it answers for each call, on each
// processor.

import { describe, expect, test } from "vitest";
import { systemCallFilter } from "../../src/containment/seccomp.ts";

const ALLOWED = "allowed";

/** Runs the filter on one call and gives its answer: allowed, killed, or the error number. */
function answerOf(filter: Buffer, audit: number, number: number, ...words: number[]): string | number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(audit >>> 0, 4);
  words.forEach((word, index) => data.writeUInt32LE(word >>> 0, 16 + index * 8));
  let loaded = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const [code, ifTrue, ifFalse, value] = [
      filter.readUInt16LE(at * 8),
      filter.readUInt8(at * 8 + 2),
      filter.readUInt8(at * 8 + 3),
      filter.readUInt32LE(at * 8 + 4),
    ];
    if (code === 0x20) loaded = data.readUInt32LE(value);
    else if (code === 0x54) loaded = (loaded & value) >>> 0;
    else if (code === 0x15) at += loaded === value ? ifTrue : ifFalse;
    else if (code === 0x35) at += loaded >= value ? ifTrue : ifFalse;
    else if (code === 0x06) return value === 0x7fff_0000 ? ALLOWED : value === 0x8000_0000 ? "killed" : value & 0xffff;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the filter ends without an answer");
}

const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];
/**
 * Numbers of calls, written down from the kernel's own tables: read, keyctl, mount, socket, socketpair, ioctl, connect,
 * clone.
 */
const MACHINES = [
  {
    architecture: "x64",
    audit: 0xc000_003e,
    read: 0,
    keyctl: 250,
    mount: 165,
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    connect: 42,
    clone: 56,
  },
  {
    architecture: "arm64",
    audit: 0xc000_00b7,
    read: 63,
    keyctl: 219,
    mount: 40,
    socket: 198,
    socketpair: 199,
    ioctl: 29,
    connect: 203,
    clone: 220,
  },
];

describe.each(MACHINES)("on $architecture", ({ architecture, audit, ...call }) => {
  const filterFor = (unixSockets: boolean): Buffer =>
    systemCallFilter({ architecture, unixSockets }) ?? Buffer.alloc(0);
  const closed = filterFor(false);
  const open = filterFor(true);

  test("ordinary calls pass, in every stage", () => {
    for (const filter of [closed, open]) {
      expect([call.read, call.connect, call.clone, 400].map((number) => answerOf(filter, audit, number))).toEqual([
        ALLOWED,
        ALLOWED,
        ALLOWED,
        ALLOWED,
      ]);
      expect(answerOf(filter, audit, call.ioctl, 0, 0x5401)).toBe(ALLOWED);
      for (const family of [2, 10, 16]) expect(answerOf(filter, audit, call.socket, family, 1)).toBe(ALLOWED);
    }
  });

  test("keyrings, io_uring, bpf and the like are absent; mounts are refused", () => {
    for (const filter of [closed, open]) {
      expect(answerOf(filter, audit, call.keyctl)).toBe(ENOSYS);
      for (const number of [425, 426, 427]) expect(answerOf(filter, audit, number)).toBe(ENOSYS);
      expect(answerOf(filter, audit, call.mount)).toBe(EPERM);
      for (const number of [428, 429, 430, 431, 432, 433, 442]) expect(answerOf(filter, audit, number)).toBe(EPERM);
    }
  });

  test("sockets: none of a kind that no namespace holds; with a path name only outside the plan stage", () => {
    for (const family of [1, 17, 31, 38, 40, 42])
      expect(answerOf(closed, audit, call.socket, family, 1)).toBe(EAFNOSUPPORT);
    for (const family of [17, 31, 38, 40, 42]) expect(answerOf(open, audit, call.socket, family, 1)).toBe(EAFNOSUPPORT);
    expect(answerOf(open, audit, call.socket, 1, 1)).toBe(ALLOWED);
  });

  test("a pair of sockets is for two ends that are together: none of it can be sent elsewhere while planning", () => {
    const flags = 0o2_000_000 | 0o4_000;
    for (const type of [1, 5]) expect(answerOf(closed, audit, call.socketpair, 1, type | flags)).toBe(ALLOWED);
    for (const type of [2, 3]) expect(answerOf(closed, audit, call.socketpair, 1, type | flags)).toBe(EAFNOSUPPORT);
    expect(answerOf(open, audit, call.socketpair, 1, 2)).toBe(ALLOWED);
  });

  test("characters cannot be put into a terminal", () => {
    for (const request of [0x5412, 0x541c]) expect(answerOf(closed, audit, call.ioctl, 0, request)).toBe(EPERM);
  });

  test("a call of another processor ends the process", () => {
    expect(answerOf(closed, 0x4000_0003, 1)).toBe("killed");
    if (architecture === "x64") expect(answerOf(closed, audit, 0x4000_0000 + call.socket, 1, 1)).toBe(ENOSYS);
  });
});

test("a processor whose numbers are not known has no filter", () => {
  expect(systemCallFilter({ architecture: "s390x", unixSockets: false })).toBeNull();
});
