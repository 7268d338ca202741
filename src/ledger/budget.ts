// Whether a call may be made under the caps that are set: its worst case is reserved before it is made. Pure.

import { fromMoney, NO_MONEY, toMoney, tokensAt, formatUsd, type Money } from "../util/money.ts";
import { priceList } from "./price.ts";
import type { ErrorInfo } from "../types/error.ts";
import type { ModelInfo } from "../types/provider.ts";

/** A reply is never cut to less than this to fit a budget; a smaller reply asked for is left as it is. */
export const SMALLEST_REPLY = 1_024;

export interface Cap {
  /** As the user wrote it, e.g. `options.budget.turn_usd` or `--max-budget-usd`. */
  name: string;
  /** USD, above 0. */
  limit: number;
  /** What already counts against it; null = a call of unknown price was made. */
  spent: Money | null;
}

export interface ReserveInput {
  caps: readonly Cap[];
  model: ModelInfo;
  /** Bytes of the request; each counts as a token. */
  requestTokens: number;
  maxTokens: number;
}

export type Reservation =
  | { ok: true; /** As asked for, or what the budget allows. */ maxTokens: number; /** Worst case. */ reserved: Money }
  | { ok: false; error: ErrorInfo };

function unknownPrice(cap: Cap, model: ModelInfo, earlier: boolean): Reservation {
  const what = earlier
    ? "the price of an earlier call of this session is unknown"
    : `the price of ${model.id} is unknown`;
  return {
    ok: false,
    error: {
      code: "configuration",
      message: `${cap.name} is set, but ${what}: the cap cannot be kept`,
      hint: `Give the model's price ([[providers.${model.provider}.models]] id = "${model.wireId}", price = { input = …, output = … }), choose a model with a known price, or take the cap away.`,
    },
  };
}

/** Reserves the worst case of a call: every byte a token at the dearest input price, and the longest reply. */
export function reserve(input: ReserveInput): Reservation {
  const { caps, model } = input;
  const list = priceList(model, input.requestTokens);
  let { maxTokens } = input;
  const smallest = Math.min(SMALLEST_REPLY, input.maxTokens);
  for (const cap of caps) {
    if (cap.spent === null) return unknownPrice(cap, model, true);
    if (list.input === null || list.output === null) return unknownPrice(cap, model, false);
    const request = tokensAt(input.requestTokens, Math.max(list.input, list.cache_write ?? 0, list.cache_read ?? 0));
    const left = toMoney(cap.limit) - cap.spent;
    const perToken = tokensAt(1, list.output);
    const affordable =
      left - request < NO_MONEY
        ? -1
        : perToken === NO_MONEY
          ? maxTokens
          : Number(minimum((left - request) / perToken, BigInt(maxTokens)));
    if (affordable < smallest) return refused(cap, model, request + tokensAt(smallest, list.output), left);
    maxTokens = affordable;
  }
  if (list.input === null || list.output === null) return { ok: true, maxTokens, reserved: NO_MONEY };
  return {
    ok: true,
    maxTokens,
    reserved:
      tokensAt(input.requestTokens, Math.max(list.input, list.cache_write ?? 0, list.cache_read ?? 0)) +
      tokensAt(maxTokens, list.output),
  };
}

function minimum(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function refused(cap: Cap, model: ModelInfo, worst: Money, left: Money): Reservation {
  const available = left < NO_MONEY ? NO_MONEY : left;
  return {
    ok: false,
    error: {
      code: "limit",
      message: `${cap.name} = ${cap.limit} USD: the next call of ${model.id} may cost up to ${formatUsd(fromMoney(worst), model.priceEstimate)}, and ${formatUsd(fromMoney(available))} is left; it was not made`,
      hint: "Raise the cap, take a cheaper model with /model, or shorten the conversation with /compact.",
    },
  };
}
