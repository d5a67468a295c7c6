/** Takes flow logs at the address given, and prints each record as one line. */
import { IngestServer } from "./ingest_server.ts";

const server = new IngestServer(Deno.args[0]);
server.answer = ({ path, authorization, records }) => {
  for (const record of records) {
    const signed = authorization?.startsWith("Bearer ey") === true;
    console.log(`record ${path} ${signed} ${JSON.stringify(record)}`);
  }
  return Response.json({ data: { status: "ok" } });
};
console.log("Listening");
