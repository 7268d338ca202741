// The filter of system calls for commands in the Linux sandbox, as bytes for `bwrap --seccomp`: a small assembler and
// the lists. It refuses what mounts and namespaces cannot close: keyrings, sockets of other kinds, ways round the
// filter itself.

/** Operations of the kernel's filter language that are used here. */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const AND = 0x54;
const RETURN = 0x06;

const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const REFUSE = 0x0005_0000;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** Offsets in what the kernel hands to a filter. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENTS = 16;

/** Numbers of a call where each processor has its own, and where it has those of all newer ones. */
type Call = readonly [name: string, x64: number | null, generic: number | null];

/**
 * Answered as a kernel would that does not have them: keyrings, and calls that go round this filter or look beyond the
 * sandbox.
 */
const ABSENT: readonly Call[] = [
  ["add_key", 248, 217],
  ["request_key", 249, 218],
  ["keyctl", 250, 219],
  ["io_uring_setup", 425, 425],
  ["io_uring_enter", 426, 426],
  ["io_uring_register", 427, 427],
  ["bpf", 321, 280],
  ["userfaultfd", 323, 282],
  ["perf_event_open", 298, 241],
  ["open_by_handle_at", 304, 265],
  ["kexec_load", 246, 104],
  ["kexec_file_load", 320, 294],
  ["quotactl", 179, 60],
  ["quotactl_fd", 443, 443],
  ["lookup_dcookie", 212, 18],
  ["nfsservctl", 180, 42],
];
/** Refused: mounts, namespaces of others, and what changes the machine. */
const REFUSED: readonly Call[] = [
  ["mount", 165, 40],
  ["umount2", 166, 39],
  ["pivot_root", 155, 41],
  ["open_tree", 428, 428],
  ["move_mount", 429, 429],
  ["fsopen", 430, 430],
  ["fsconfig", 431, 431],
  ["fsmount", 432, 432],
  ["fspick", 433, 433],
  ["mount_setattr", 442, 442],
  ["open_tree_attr", 467, 467],
  ["setns", 308, 268],
  ["swapon", 167, 224],
  ["swapoff", 168, 225],
  ["reboot", 169, 142],
  ["acct", 163, 89],
  ["syslog", 103, 116],
  ["init_module", 175, 105],
  ["finit_module", 313, 273],
  ["delete_module", 176, 106],
  ["settimeofday", 164, 170],
  ["clock_settime", 227, 112],
  ["vhangup", 153, 58],
  ["sethostname", 170, 161],
  ["setdomainname", 171, 162],
  ["iopl", 172, null],
  ["ioperm", 173, null],
];
const SOCKET: Call = ["socket", 41, 198];
const SOCKET_PAIR: Call = ["socketpair", 53, 199];
const TERMINAL_CONTROL: Call = ["ioctl", 16, 29];

/** By `process.arch`: what the kernel calls the processor, and which column of the lists it uses. */
const PROCESSORS: Readonly<Record<string, { audit: number; column: 1 | 2 }>> = {
  x64: { audit: 0xc000_003e, column: 1 },
  arm64: { audit: 0xc000_00b7, column: 2 },
  riscv64: { audit: 0xc000_00f3, column: 2 },
  loong64: { audit: 0xc000_0102, column: 2 },
};
/** On x64, numbers from here on are the same calls under another convention. */
const X32 = 0x4000_0000;

const AF_UNIX = 1;
/**
 * Internet and the kernel's own messages: both belong to the network namespace. Others, such as the line to a virtual
 * machine's host, do not.
 */
const NETWORK_FAMILIES = [2, 10, 16];
const TYPE_MASK = 0xf;
/** Kinds of socket whose pairs can still be sent elsewhere. */
const DATAGRAM_TYPES = [2, 3];
/** Puts characters into the terminal's input; selects and pastes on the console. */
const TERMINAL_REQUESTS = [0x5412, 0x541c];

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const load = (offset: number): Instruction => [LOAD, 0, 0, offset];
const answer = (value: number): Instruction => [RETURN, 0, 0, value >>> 0];
const refuse = (errno: number): Instruction => answer(REFUSE | errno);
/** Skips the next `count` instructions unless the loaded value is `value`. */
const unlessEqual = (value: number, count: number): Instruction => [JUMP_EQUAL, 0, count, value >>> 0];

/** Refuses where the loaded value is one of the list. */
function refuseAny(values: readonly number[], errno: number): Instruction[] {
  const steps = values.map((value, index): Instruction => [
    JUMP_EQUAL,
    values.length - 1 - index,
    index === values.length - 1 ? 1 : 0,
    value,
  ]);
  return [...steps, refuse(errno)];
}

/** A block that is entered for one call and always answers. */
function forCall(number: number, block: Instruction[]): Instruction[] {
  return [load(NUMBER), unlessEqual(number, block.length), ...block];
}

function missing(name: string): never {
  throw new Error(`no number for the system call ${name}`);
}

export interface FilterRequest {
  /** `process.arch`. */
  architecture: string;
  /** Whether commands may make sockets that have a path name, which can also reach those of other processes. */
  unixSockets: boolean;
}

/**
 * Bytes of the filter, little-endian as all processors in the list; null where the numbers of this processor are not
 * known.
 */
export function systemCallFilter({ architecture, unixSockets }: FilterRequest): Buffer | null {
  const processor = PROCESSORS[architecture];
  if (processor === undefined) return null;
  const { audit, column } = processor;
  const numbers = (calls: readonly Call[]): number[] => calls.flatMap((call) => call[column] ?? []);
  const on = ([name, ...columns]: Call, block: Instruction[]): Instruction[] =>
    forCall(columns[column - 1] ?? missing(name), block);
  const families = unixSockets ? [AF_UNIX, ...NETWORK_FAMILIES] : NETWORK_FAMILIES;
  const instructions: Instruction[] = [
    load(ARCHITECTURE),
    [JUMP_EQUAL, 1, 0, audit],
    answer(KILL_PROCESS),
    load(NUMBER),
    ...(column === 1 ? [[JUMP_AT_LEAST, 0, 1, X32] as const, refuse(ENOSYS)] : []),
    ...refuseAny(numbers(ABSENT), ENOSYS),
    ...refuseAny(numbers(REFUSED), EPERM),
    ...on(SOCKET, [
      load(ARGUMENTS),
      ...families.flatMap((family) => [unlessEqual(family, 1), answer(ALLOW)]),
      refuse(EAFNOSUPPORT),
    ]),
    ...(unixSockets
      ? []
      : on(SOCKET_PAIR, [
          load(ARGUMENTS + 8),
          [AND, 0, 0, TYPE_MASK],
          ...refuseAny(DATAGRAM_TYPES, EAFNOSUPPORT),
          answer(ALLOW),
        ])),
    ...on(TERMINAL_CONTROL, [load(ARGUMENTS + 8), ...refuseAny(TERMINAL_REQUESTS, EPERM), answer(ALLOW)]),
    answer(ALLOW),
  ];
  const bytes = Buffer.alloc(instructions.length * 8);
  instructions.forEach(([code, ifTrue, ifFalse, value], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  });
  return bytes;
}
