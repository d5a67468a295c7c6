import { readPayload } from "./fields.ts";
import { printable } from "./printable.ts";

/** The members of an RFC 9457 problem document that mean something to us. */
export interface Problem {
  /** Firezone's machine-readable name of the problem, without control characters. */
  readonly code: string | undefined;
  /** Text for people, without control characters. */
  readonly detail: string | undefined;
}

const MEDIA_TYPE = "application/problem+json";

/**
 * Reads the body of a refused upgrade, or returns `undefined` when it is no
 * problem document.
 *
 * The media type is compared without regard to case and parameters, portal
 * spec §3.4. Both members are optional; others are ignored.
 */
export function parseProblem(
  contentType: string | undefined,
  body: string,
): Problem | undefined {
  const mediaType = contentType?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== MEDIA_TYPE) return undefined;

  const problem = readPayload(parseJson(body), (fields) => {
    const read = (name: string) => {
      const text = fields.optionalString(name);
      return text === undefined ? undefined : printable(text);
    };
    return { code: read("code"), detail: read("detail") };
  });
  return problem.ok ? problem.value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
