import type { BidRequest, Impression } from './requestshape.ts';

/** A request's terms by dimension of targeting, in the spelling of `core/targeting.ts`. */
export function termsOf(request: BidRequest, imp: Impression, exchange: string): Map<string, readonly string[]> {
  const { device, site, app } = request;
  const country = device?.geo?.country?.toUpperCase() ?? '';
  const region = device?.geo?.region?.toUpperCase() ?? '';
  const inventory = site ?? app;
  return new Map<string, readonly string[]>([
    ['country', [country]],
    ['region', [region, `${country}-${region}`]],
    ['deviceType', [String(device?.devicetype ?? '')]],
    ['connectionType', [String(device?.connectiontype ?? '')]],
    ['os', [device?.os?.toLowerCase() ?? '']],
    ['language', [device?.language?.split(/[-_]/)[0]?.toLowerCase() ?? '']],
    ['domain', domainsOf(site?.domain?.toLowerCase() ?? '')],
    ['bundle', app?.bundle === undefined ? [] : [app.bundle.toLowerCase()]],
    ['category', (inventory?.cat ?? []).flatMap((cat) => [cat.toUpperCase(), cat.toUpperCase().split('-')[0]!])],
    ['keyword', (inventory?.keywords ?? '').split(',').map((word) => word.trim().toLowerCase())],
    ['size', [imp.banner, ...(imp.banner?.format ?? [])].map((size) => `${size?.w}x${size?.h}`)],
    ['exchange', [exchange]],
    [
      'segment',
      (request.user?.data ?? []).flatMap(({ id, segment }) => (segment ?? []).map((one) => `${id}:${one.id}`)),
    ],
  ]);
}

/** A domain and those it is under. */
function domainsOf(domain: string): string[] {
  const labels = domain.replace(/^www\./, '').split('.');
  return labels.map((_, i) => labels.slice(i).join('.'));
}
