/** A data worker whose only role passes packets through. */
import { serveDataPlane } from "../../lib/io/serve_data_plane.ts";
import {
  PassThroughCore,
  type PassThroughSettings,
} from "./io_pass_through.ts";

serveDataPlane({
  "pass-through": (settings) =>
    new PassThroughCore(settings as PassThroughSettings),
});
