// The one way in which HTTP itself fails, as told apart by what a retry is worth. Knows no vendor.

/** Why no answer, or no whole answer, came. */
export class TransportFailure extends Error {
  readonly reason: "refused" | "dns" | "tls" | "reset" | "stall" | "redirect" | "proxy" | "aborted" | "other";
  /**
   * The connection was an idle one from an earlier call, which the server had closed meanwhile: nothing was processed.
   */
  readonly stale: boolean;

  constructor(reason: TransportFailure["reason"], message: string, stale = false) {
    super(message);
    this.name = "TransportFailure";
    this.reason = reason;
    this.stale = stale;
  }
}
