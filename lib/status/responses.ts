/** Nothing here is true for longer than the moment. */
const HEADERS = { "cache-control": "no-store" } as const;

/** Makes an answer of text; a line end is added where there is none. */
export function textResponse(
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): Response {
  const body = text.endsWith("\n") ? text : `${text}\n`;
  const headers = { ...HEADERS, "content-type": contentType };
  return new Response(body, { status, headers });
}

/** Makes an answer of JSON. */
export function jsonResponse(status: number, value: unknown): Response {
  return textResponse(status, JSON.stringify(value), "application/json");
}

/** Refuses a method, and says which would do. */
export function refuseMethod(allow: string): Response {
  const response = textResponse(405, `Method not allowed, use ${allow}`);
  response.headers.set("allow", allow);
  return response;
}
