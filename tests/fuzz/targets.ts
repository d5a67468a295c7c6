import type { FuzzTarget } from "./engine.ts";
import { CHANNEL_TARGETS } from "./channel_target.ts";
import { GATEWAY_TARGETS } from "./gateway_target.ts";
import { IP_TARGETS } from "./ip_targets.ts";
import { NAME_TARGETS } from "./name_targets.ts";
import { PORTAL_TARGETS } from "./portal_targets.ts";
import { SITE_TARGETS } from "./site_targets.ts";
import { STUN_TARGETS } from "./stun_targets.ts";
import { PROTOCOL_TARGETS } from "./protocol_targets.ts";
import { TEXT_TARGETS } from "./text_targets.ts";
import { WHOLE_TARGETS } from "./whole_targets.ts";

/** Everything that can be fuzzed. */
export const TARGETS: readonly FuzzTarget[] = [
  ...IP_TARGETS,
  ...STUN_TARGETS,
  ...TEXT_TARGETS,
  ...PORTAL_TARGETS,
  ...PROTOCOL_TARGETS,
  ...NAME_TARGETS,
  ...CHANNEL_TARGETS,
  ...SITE_TARGETS,
  ...GATEWAY_TARGETS,
  ...WHOLE_TARGETS,
];
