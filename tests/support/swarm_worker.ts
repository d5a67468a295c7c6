/** A data worker whose roles are many clients, and whoever means them harm. */
import { serveDataPlane } from "../../lib/io/serve_data_plane.ts";
import { FloodCore, type FloodSettings } from "./flood_core.ts";
import { SwarmCore } from "./swarm_core.ts";

serveDataPlane({
  swarm: (_settings, context) => new SwarmCore(context),
  flood: (settings, { now }) => new FloodCore(settings as FloodSettings, now),
});
