/**
 * The version of this program, strict SemVer.
 *
 * It goes to the portal in the `User-Agent`, and the portal offers a gateway
 * only to clients of a neighbouring minor version (portal spec §1.5), so major
 * and minor follow the Firezone generation that we speak.
 */
export const VERSION = "1.6.0";
