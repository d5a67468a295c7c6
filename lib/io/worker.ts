/**
 * Entry of the data worker. Loaded by `DataPlane`, never imported.
 *
 * @module
 */
import { ROLES } from "./roles.ts";
import { serveDataPlane } from "./serve_data_plane.ts";

serveDataPlane(ROLES);
