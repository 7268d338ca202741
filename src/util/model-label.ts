// How a model is shown to a person: scripted replies never pass for a model.

import type { AgentEvent } from "../types/event.ts";
import type { Settings } from "../types/settings.ts";

/** `provider/id`, and that it is scripted where it is. */
export function modelLabel(model: string, settings: Settings): string {
  const provider = model.split("/")[0] ?? "";
  return Object.hasOwn(settings.providers, provider) && settings.providers[provider]?.type === "script"
    ? `${model} (scripted)`
    : model;
}

/** The event with its models as they are shown; only for screens, never for records. */
export function labelEvent(event: AgentEvent, settings: Settings): AgentEvent {
  switch (event.type) {
    case "route_decision":
      return { ...event, route: { ...event.route, model: modelLabel(event.route.model, settings) } };
    case "plan_ready":
      return event.executionModel === null
        ? event
        : { ...event, executionModel: modelLabel(event.executionModel, settings) };
    default:
      return event;
  }
}
