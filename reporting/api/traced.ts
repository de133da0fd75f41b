import type { MiddlewareHandler } from 'hono';
import type { Tracer } from '../../core/trace.ts';

/** Makes a span of every API request that is drawn, here or by the caller's `traceparent`. Ids stay out of its name. */
export function traced(tracer: Tracer): MiddlewareHandler {
  return async (c, next) => {
    const path = c.req.path.replace(/\/\d+(?=\/|$)/g, '/:id').slice(0, 200);
    const span = path.startsWith('/api/')
      ? tracer.start(`${c.req.method} ${path}`, 'server', c.req.header('traceparent') ?? '')
      : null;
    await next();
    if (span === null) return;
    span.set('http.request.method', c.req.method);
    span.set('http.response.status_code', c.res.status);
    span.end(c.res.status >= 500);
  };
}
