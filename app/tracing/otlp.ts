import type { SpanKind, SpanRecord } from '../../core/trace.ts';

/** What every span of a process says of it. */
export interface TraceResource {
  readonly role: string;
  readonly version: string;
  readonly pid: number;
}

/** `SpanKind` of opentelemetry/proto/trace/v1/trace.proto. */
const kinds: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2 };
const STATUS_ERROR = 2;

/**
 * An `ExportTraceServiceRequest` in OTLP's JSON encoding: ids as hex, 64-bit numbers as text
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 */
export function otlpJson(spans: readonly SpanRecord[], { role, version, pid }: TraceResource): unknown {
  const resource = {
    'service.name': 'evenkeel',
    'service.version': version,
    'evenkeel.role': role,
    'process.pid': pid,
  };
  return {
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [{ scope: { name: 'evenkeel', version }, spans: spans.map(spanJson) }],
      },
    ],
  };
}

function spanJson(span: SpanRecord): unknown {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === '' ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: nanos(span.startMs),
    endTimeUnixNano: nanos(Math.max(span.startMs, span.endMs)),
    attributes: keyValues(span.attributes),
    status: span.failed ? { code: STATUS_ERROR } : {},
  };
}

function keyValues(values: Readonly<Record<string, string | number>>): unknown[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: string | number): unknown {
  if (typeof value === 'string') return { stringValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Milliseconds with a fraction as whole nanoseconds, which a double could not hold. */
function nanos(ms: number): string {
  const whole = Math.floor(ms);
  return (BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1_000_000))).toString();
}
