import { createServer } from 'node:http';
import { z } from 'zod';

const attribute = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
    z.strictObject({ doubleValue: z.number() }),
  ]),
});
const id = (digits: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`));
const span = z.strictObject({
  traceId: id(32),
  spanId: id(16),
  parentSpanId: id(16).optional(),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: z.string().regex(/^\d{19}$/),
  endTimeUnixNano: z.string().regex(/^\d{19}$/),
  attributes: z.array(attribute),
  status: z.strictObject({ code: z.int().min(0).max(2).optional() }),
});
/** An `ExportTraceServiceRequest` in JSON; nothing that the protocol does not know. */
const exportRequest = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(span).min(1),
        }),
      ),
    }),
  ),
});

/** A span as it was received, with what its resource said. */
export type ReceivedSpan = z.infer<typeof span> & { readonly role: string };

/** A receiver of traces over OTLP/HTTP that takes nothing malformed. */
export interface TraceReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** What could not be read, in words. */
  readonly faults: readonly string[];
  /** Answers so from now on. */
  setStatus(status: number): void;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = [];
  const faults: string[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    if (status !== 200) return;
    if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json')
      faults.push(`${request.url} ${request.headers['content-type']}`);
    const read = exportRequest.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
    if (!read.success) faults.push(read.error.message);
    for (const { resource, scopeSpans } of read.data?.resourceSpans ?? []) {
      const role = resource.attributes.find(({ key }) => key === 'evenkeel.role')?.value;
      const named = role !== undefined && 'stringValue' in role ? role.stringValue : '';
      for (const scope of scopeSpans) for (const one of scope.spans) spans.push({ ...one, role: named });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    faults,
    setStatus(now) {
      status = now;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
