// The table of ready-made providers: data alone. A compatible vendor or local server is one row here, or configuration.

import type { ProviderType } from "../types/settings.ts";

/** How a vendor departs from the plain Chat Completions format. */
export interface ChatDialect {
  maxTokensField: "max_tokens" | "max_completion_tokens";
  /**
   * How thinking is switched where the model's style is `toggle`, or off where its style is `effort` without a `none`.
   */
  thinking: "reasoning_effort" | "thinking_type" | "enable_thinking";
  /** Whether `prompt_cache_key` may be sent. */
  cacheKey: boolean;
  /** The vendor wants its own reasoning text back beside tool calls. */
  reasoningBack: boolean;
  /** Form of tool call ids that the vendor accepts. */
  callIds: "open" | "nine-alphanumeric";
  /** Mark for a tool call that this model did not make itself, where the vendor insists on a signature. */
  foreignCallMark: { [key: string]: { [key: string]: { [key: string]: string } } } | null;
}

export interface Vendor {
  id: string;
  type: ProviderType;
  api?: "responses" | "chat";
  baseUrl: string;
  /** Environment variable that moves the base URL. */
  baseUrlVariable?: string;
  /** Environment variables that may hold the key, first found wins. */
  keyVariables: string[];
  needsKey: boolean;
  dialect: ChatDialect;
}

export const PLAIN_DIALECT: ChatDialect = {
  maxTokensField: "max_tokens",
  thinking: "reasoning_effort",
  cacheKey: false,
  reasoningBack: false,
  callIds: "open",
  foreignCallMark: null,
};

const compatible = (
  id: string,
  baseUrl: string,
  keyVariables: string[],
  dialect: Partial<ChatDialect> = {},
): Vendor => ({
  id,
  type: "openai-compatible",
  baseUrl,
  keyVariables,
  needsKey: true,
  dialect: { ...PLAIN_DIALECT, ...dialect },
});
const local = (id: string, baseUrl: string): Vendor => ({ ...compatible(id, baseUrl, []), needsKey: false });

export const VENDORS: readonly Vendor[] = [
  {
    id: "anthropic",
    type: "anthropic",
    baseUrl: "https://api.anthropic.com",
    baseUrlVariable: "ANTHROPIC_BASE_URL",
    keyVariables: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
    needsKey: true,
    dialect: PLAIN_DIALECT,
  },
  {
    id: "openai",
    type: "openai",
    baseUrl: "https://api.openai.com/v1",
    baseUrlVariable: "OPENAI_BASE_URL",
    keyVariables: ["OPENAI_API_KEY"],
    needsKey: true,
    dialect: { ...PLAIN_DIALECT, maxTokensField: "max_completion_tokens", cacheKey: true },
  },
  compatible("openrouter", "https://openrouter.ai/api/v1", ["OPENROUTER_API_KEY"]),
  compatible(
    "google",
    "https://generativelanguage.googleapis.com/v1beta/openai",
    ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    { foreignCallMark: { extra_content: { google: { thought_signature: "skip_thought_signature_validator" } } } },
  ),
  compatible("together", "https://api.together.xyz/v1", ["TOGETHER_API_KEY"]),
  compatible("groq", "https://api.groq.com/openai/v1", ["GROQ_API_KEY"], { maxTokensField: "max_completion_tokens" }),
  compatible("deepseek", "https://api.deepseek.com", ["DEEPSEEK_API_KEY"], {
    thinking: "thinking_type",
    reasoningBack: true,
  }),
  compatible("moonshotai", "https://api.moonshot.ai/v1", ["MOONSHOT_API_KEY"], {
    thinking: "thinking_type",
    reasoningBack: true,
  }),
  compatible("alibaba", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", ["DASHSCOPE_API_KEY"], {
    thinking: "enable_thinking",
  }),
  compatible("mistral", "https://api.mistral.ai/v1", ["MISTRAL_API_KEY"], {
    cacheKey: true,
    callIds: "nine-alphanumeric",
  }),
  compatible("xai", "https://api.x.ai/v1", ["XAI_API_KEY"], { cacheKey: true }),
  compatible("zai", "https://api.z.ai/api/paas/v4", ["ZAI_API_KEY", "ZHIPU_API_KEY"], {
    thinking: "thinking_type",
    reasoningBack: true,
  }),
  compatible("minimax", "https://api.minimax.io/v1", ["MINIMAX_API_KEY"], { thinking: "thinking_type" }),
  local("ollama", "http://127.0.0.1:11434/v1"),
  local("lmstudio", "http://127.0.0.1:1234/v1"),
  local("llamacpp", "http://127.0.0.1:8080/v1"),
];

export function findVendor(id: string): Vendor | undefined {
  return VENDORS.find((vendor) => vendor.id === id);
}
