import type { ApiContext } from './context.ts';
import { Problem } from './problem.ts';
import { etagOf } from './resources.ts';

/**
 * An update must say which version it was made from.
 * @throws Problem precondition_required | version_conflict
 */
export function checkPrecondition(c: ApiContext, before: { readonly version: number }): void {
  const expected = c.req.header('if-match');
  if (expected === undefined) {
    throw new Problem(428, 'precondition_required', {
      detail: `Send If-Match with the ETag you read (now ${etagOf(before)}), or If-Match: * to overwrite whatever is there.`,
    });
  }
  if (expected === '*' || expected.split(',').some((tag) => tag.trim() === etagOf(before))) return;
  throw new Problem(412, 'version_conflict', {
    detail: `It is at ${etagOf(before)} now, you read ${expected}. Read it again and repeat your change.`,
    headers: { etag: etagOf(before) },
  });
}
