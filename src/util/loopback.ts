// Which host names mean this machine.

/** `hostname` as `URL` gives it: lower case, IPv6 in brackets. A name that only begins with 127 is any machine's. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
