/** Where records go, how often and how many at a time. As the portal says it in `init`. */
export interface UploadConfig {
  /** Base URL. */
  readonly apiUrl: string;
  /** Seconds between uploads; 0 turns them off. */
  readonly uploadIntervalSecs: number;
  /** Records in one upload; 0 means the default. */
  readonly uploadBatchSize: number;
}

/** Uploads are off. */
export const NO_UPLOADS: UploadConfig = {
  apiUrl: "",
  uploadIntervalSecs: 0,
  uploadBatchSize: 0,
};

/** Records in one upload unless the portal says otherwise (portal spec §8). */
const DEFAULT_BATCH_SIZE = 1_000;
/** Most records in one upload, whatever it says. */
const MAX_BATCH_SIZE = 10_000;

/** Returns how many records one upload may hold. */
export function batchSize({ uploadBatchSize }: UploadConfig): number {
  return uploadBatchSize === 0
    ? DEFAULT_BATCH_SIZE
    : Math.min(uploadBatchSize, MAX_BATCH_SIZE);
}

/** Returns where to send records, or `undefined` when `apiUrl` is no place that a token may be sent to. */
export function uploadUrl(apiUrl: string): string | undefined {
  return secureUrl("/ingestion/flow_logs", apiUrl);
}

/** Resolves `reference` against `base`. Only HTTPS on port 443 without credentials passes: a bearer token goes there. */
export function secureUrl(
  reference: string,
  base: string,
): string | undefined {
  if (!URL.canParse(reference, base)) return undefined;
  const url = new URL(reference, base);
  const isSecure = url.protocol === "https:" && url.port === "" &&
    url.username === "" && url.password === "";
  url.hash = "";
  return isSecure ? url.href : undefined;
}

/** Gives the configuration its form on disk. */
export function encodeUploadConfig(config: UploadConfig): string {
  return JSON.stringify({
    api_url: config.apiUrl,
    interval: config.uploadIntervalSecs,
    batch_size: config.uploadBatchSize,
  });
}

/** Reads the configuration from disk, or returns `undefined`. */
export function decodeUploadConfig(text: string): UploadConfig | undefined {
  try {
    const { api_url, interval, batch_size } = JSON.parse(text);
    const isWhole = typeof api_url === "string" && isCount(interval) &&
      isCount(batch_size);
    return isWhole
      ? {
        apiUrl: api_url,
        uploadIntervalSecs: interval,
        uploadBatchSize: batch_size,
      }
      : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}
