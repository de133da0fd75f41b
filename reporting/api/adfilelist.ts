import { Hono } from 'hono';
import { z } from 'zod';
import type { Creative } from '../../core/campaign.ts';
import { adFileMimes, type KeptFile, type Shelf } from './adfiles.ts';
import { type ApiContext, type ApiEnv, maySee, requireWriter, type Services } from './context.ts';
import type { Principal } from './keys.ts';
import { filtersOf, pageOf, sortable, yesNo } from './paging.ts';
import { Problem } from './problem.ts';

/** Ads of one file that are named at most. */
const MAX_USES = 20;

const useSchema = z.strictObject({ creativeId: z.int(), name: z.string(), campaignId: z.int() });
type Use = z.infer<typeof useSchema>;

export const adFileSchema = z.strictObject({
  /** The name of its content. */
  id: z.string(),
  kind: z.enum(['image', 'media']),
  url: z.string(),
  mime: z.string(),
  bytes: z.int(),
  /** Pixels; 0 where there are none. */
  w: z.int(),
  h: z.int(),
  durationSeconds: z.int().nullable(),
  uploadedMs: z.int(),
  /** Your ads that show it, 20 at most: archived ones do not count. */
  usedBy: z.array(useSchema),
});

const filters = z.object({ kind: adFileSchema.shape.kind.optional(), used: yesNo });

/** `GET /ad-files`: the files of ads that the caller brought, newest first. `DELETE /ad-files/:id`: takes one back. */
export function adFileListRoutes({ directory }: Pick<Services, 'directory'>, shelf: Shelf): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  /** Ads that are not archived, by the files they show; only those that may be seen by somebody. */
  const usesFor = (principal: Principal | null): ReadonlyMap<string, readonly Use[]> => {
    const uses = new Map<string, Use[]>();
    for (const creative of directory.all('creative')) {
      const mayBeSeen = principal === null || maySee(principal, directory.advertiserOf('creative', creative));
      const campaignId = directory.get('line_item', creative.lineItemId)?.campaignId;
      if (creative.status === 'archived' || !mayBeSeen || campaignId === undefined) continue;
      for (const name of filesOf(creative))
        uses.set(name, [...(uses.get(name) ?? []), { creativeId: creative.id, name: creative.name, campaignId }]);
    }
    return uses;
  };
  const described = async (c: ApiContext, file: KeptFile, usedBy: readonly Use[]) => ({
    id: file.name,
    kind: file.kind,
    url: shelf.urlOf(c, file.name),
    mime: adFileMimes[file.name.split('.')[1] ?? ''] ?? '',
    bytes: await shelf.size(file.name),
    w: file.w,
    h: file.h,
    durationSeconds: file.durationSeconds,
    uploadedMs: file.atMs,
    usedBy: usedBy.slice(0, MAX_USES),
  });

  app.get('/ad-files', async (c) => {
    const { kind, used } = filtersOf(c, filters);
    const principal = c.get('principal');
    const uses = usesFor(principal);
    const found = shelf
      .list()
      .filter((file) => isOwn(principal, file) && (kind === undefined || file.kind === kind))
      .filter(({ name }) => used === undefined || uses.has(name) === used);
    const page = pageOf(c, found, { keyOf: ({ atMs, name }) => `${sortable(atMs)}${name}`, newestFirst: true });
    const items = await Promise.all(page.items.map((file) => described(c, file, uses.get(file.name) ?? [])));
    return c.json({ ...page, items });
  });
  app.delete('/ad-files/:id', async (c) => {
    const principal = c.get('principal');
    requireWriter(principal);
    // No ad may begin to use it in between.
    await directory.exclusive(async () => {
      const file = shelf.get(c.req.param('id'));
      if (file === undefined || !isOwn(principal, file))
        throw new Problem(404, 'not_found', 'There is no such file of yours.');
      const own = usesFor(principal).get(file.name) ?? [];
      if (own.length > 0) throw inUse(own);
      const others = principal.advertiserId === null ? [] : file.owners.filter((id) => id !== principal.advertiserId);
      // Somebody else's ad may show what it took from its address: then the file is left to the operators.
      const isShown = others.length === 0 && usesFor(null).has(file.name);
      await shelf.leaveTo(c, file, isShown ? [null] : others);
    });
    return c.body(null, 204);
  });
  return app;
}

function isOwn({ advertiserId }: Principal, { owners }: KeptFile): boolean {
  return advertiserId === null || owners.includes(advertiserId);
}

function inUse(uses: readonly Use[]): Problem {
  const [{ name, creativeId }] = uses as [Use];
  const more = uses.length === 1 ? '' : ` and ${uses.length - 1} more`;
  return new Problem(409, 'file_in_use', {
    detail: `The ad “${name}” (${creativeId})${more} shows this file. Give it another one, or archive it, first.`,
  });
}

/** Names of kept files that an ad shows, wherever in it their address stands. */
function filesOf({ banner, video, audio, native, iurl }: Creative): ReadonlySet<string> {
  const linear = [...(video?.mediaFiles ?? []), ...(audio?.mediaFiles ?? [])].map(({ url }) => url);
  const pictures = [banner?.imageUrl, native?.image?.url, native?.icon?.url, iurl, banner?.html];
  const text = [...pictures, ...linear].join(' ');
  return new Set([...text.matchAll(/\/files\/([0-9a-f]{40}\.[a-z0-9]{3,4})/g)].map(([, name]) => name!));
}
