import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { Json } from './generator.ts';
import { createRequestGenerator, defaultMix, scopedDomains } from './generator.ts';
import { readRequests } from './requestfile.ts';
import { createGeneratedSource, createReplaySource } from './source.ts';
import { logNormal, weighted, zipf } from './weighted.ts';

const target = { url: new URL('http://127.0.0.1:1/bid?x=1'), headers: ['X-Key: k'], gzip: false };
const sample = (count: number, mix = defaultMix, seed = 1): Json[] => {
  const generator = createRequestGenerator(mix, seededRandom(seed));
  return Array.from({ length: count }, (_, i) => generator.next(`id-${i}`));
};
const imps = (request: Json): Json[] => request.imp as Json[];
const shareOf = (requests: readonly Json[], test: (request: Json) => boolean): number =>
  requests.filter(test).length / requests.length;

describe('generated traffic', () => {
  const requests = sample(5000);

  it('is valid OpenRTB where it matters: ids, one of site and app, formats, floors that are exact', () => {
    for (const request of requests) {
      expect('site' in request !== 'app' in request).toBe(true);
      expect(new Set(imps(request).map((imp) => imp.id)).size).toBe(imps(request).length);
      for (const imp of imps(request)) {
        expect(Number('banner' in imp) + Number('video' in imp) + Number('native' in imp)).toBe(1);
        const floorMicros = (imp.bidfloor as number) * 1_000_000;
        expect(Math.abs(floorMicros - Math.round(floorMicros))).toBeLessThan(1e-6);
      }
      expect((request.device as { geo: Json }).geo.country).toMatch(/^[A-Z]{3}$/);
    }
  });

  it('has the shares that were asked for', () => {
    expect(shareOf(requests, (request) => 'app' in request)).toBeCloseTo(defaultMix.appShare, 1);
    expect(shareOf(requests, (request) => imps(request).length > 1)).toBeCloseTo(defaultMix.multiImpShare, 1);
    expect(shareOf(requests, (request) => 'buyeruid' in (request.user as Json))).toBeCloseTo(0.75, 1);
    const eu = requests.filter((request) => (request.regs as Json).gdpr === 1);
    expect(eu.length).toBeGreaterThan(500);
    expect(eu.every((request) => String((request.user as Json).consent).startsWith('CQ'))).toBe(true);
    const sizes = requests.map((request) => JSON.stringify(request).length);
    expect(Math.min(...sizes)).toBeGreaterThan(900);
    expect(Math.max(...sizes)).toBeLessThan(6144);
  });

  it('is the same for the same seed and another for another', () => {
    expect(sample(50)).toEqual(requests.slice(0, 50));
    expect(sample(50, defaultMix, 2)).not.toEqual(requests.slice(0, 50));
  });

  it('has users by Zipf: some come often, none makes the traffic', () => {
    const counts = new Map<string, number>();
    for (const request of sample(20_000, { ...defaultMix, users: 10_000 })) {
      const user = String((request.user as Json).id);
      counts.set(user, (counts.get(user) ?? 0) + 1);
    }
    const sorted = [...counts.values()].sort((a, b) => b - a);
    const topTenth = sorted.slice(0, 1000).reduce((sum, n) => sum + n, 0);
    expect(topTenth).toBeGreaterThan(20_000 * 0.3);
    expect(sorted[0]).toBeLessThan(20_000 * 0.02);
  });

  it('names its run in every domain, and lists them all', () => {
    const domains = new Set(scopedDomains('r9'));
    const scoped = sample(2000, { ...defaultMix, scope: 'r9' });
    const domainOf = (request: Json): string =>
      String((request.site as Json | undefined)?.domain ?? (request.app as Json).bundle);
    expect(scoped.every((request) => domains.has(domainOf(request)))).toBe(true);
    expect(requests.some((request) => domains.has(domainOf(request)))).toBe(false);
  });
});

describe('requests as bytes', () => {
  const read = (bytes: Buffer): { head: string; body: Buffer } => {
    const end = bytes.indexOf('\r\n\r\n');
    return { head: bytes.toString('latin1', 0, end), body: bytes.subarray(end + 4) };
  };
  const source = (gzip: boolean, corpus = 3) =>
    createGeneratedSource(
      createRequestGenerator(defaultMix, seededRandom(1)),
      corpus,
      { ...target, gzip },
      seededRandom(2),
    );

  it('have a new id each time, the right length, and never reuse what is in flight', () => {
    const shots = source(false);
    const held = [shots.next(), shots.next(), shots.next(), shots.next()];
    const ids = held.map(({ bytes, about }) => {
      const { head, body } = read(bytes);
      const request = JSON.parse(body.toString()) as Json;
      expect(head).toContain(`Content-Length: ${body.length}`);
      expect(head).toMatch(/^POST \/bid\?x=1 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:1\r\n/);
      expect(head).toContain('X-Key: k');
      expect((request.source as Json).tid).toBe(request.id);
      expect(about.auctionId).toBe(request.id);
      expect([...about.floors.keys()]).toEqual(imps(request).map((imp) => imp.id));
      return request.id;
    });
    expect(new Set(ids).size).toBe(4);
    for (const shot of held) shots.done(shot.about);
    const again = shots.next();
    expect(held.some((shot) => shot.bytes === again.bytes)).toBe(true);
    expect(ids).not.toContain(again.about.auctionId);
  });

  it('are compressed when asked', () => {
    const { bytes, about } = source(true).next();
    const { head, body } = read(bytes);
    expect(head).toContain('Content-Encoding: gzip');
    expect((JSON.parse(gunzipSync(body).toString()) as Json).id).toBe(about.auctionId);
  });

  it('come from files, plain or gzip, without the lines that are no requests', () => {
    const folder = mkdtempSync(join(tmpdir(), 'requests-'));
    const text = '{"id":"a","imp":[{"id":"1","bidfloor":0.5}]}\n\nnot json\n[1]\n{"id":"b","imp":[]}\n';
    writeFileSync(join(folder, 'plain.jsonl'), text);
    writeFileSync(join(folder, 'packed.jsonl.gz'), gzipSync(text));
    for (const name of ['plain.jsonl', 'packed.jsonl.gz']) {
      const { requests, skipped } = readRequests(join(folder, name));
      expect([requests.length, skipped]).toEqual([2, 2]);
      const replay = createReplaySource(requests, target, seededRandom(1));
      expect(replay.next().about.floors.get('1')).toBe(500_000);
    }
    writeFileSync(join(folder, 'empty.jsonl'), '{}\n');
    expect(() => readRequests(join(folder, 'empty.jsonl'))).toThrow(/holds no bid request/);
    rmSync(folder, { recursive: true });
  });

  const real = join(import.meta.dirname, '../../../shared/data/openrtb-requests.jsonl');
  if (!existsSync(real) && process.env.EVENKEEL_REQUIRE_ALL_TESTS === undefined) {
    console.warn(`skipped: ${real} is missing`);
  }
  it.runIf(existsSync(real) || process.env.EVENKEEL_REQUIRE_ALL_TESTS !== undefined)(
    'take real dialects as they are',
    () => {
      const { requests, skipped } = readRequests(real);
      expect(requests.length + skipped).toBe(339);
      const replay = createReplaySource(requests, target, seededRandom(1));
      for (const request of requests) {
        const { body } = read(replay.next().bytes);
        const sent = JSON.parse(body.toString()) as Json;
        expect({ ...sent, id: request.id }).toEqual(request);
      }
    },
  );
});

describe('draws', () => {
  it('follow their weights, their law and their median', () => {
    const random = seededRandom(3);
    const coin = weighted([
      ['a', 3],
      ['b', 1],
    ]);
    const heads = Array.from({ length: 4000 }, () => coin.draw(random)).filter((side) => side === 'a').length;
    expect(heads / 4000).toBeCloseTo(0.75, 1);
    const ranks = Array.from({ length: 20_000 }, () => zipf(1000, 1).draw(random));
    const first = ranks.filter((rank) => rank === 1).length / ranks.filter((rank) => rank === 8).length;
    expect(first).toBeGreaterThan(4);
    expect(Math.max(...ranks)).toBeLessThanOrEqual(1000);
    const draws = Array.from({ length: 4001 }, () => logNormal(random, 2, 0.5)).sort((a, b) => a - b);
    expect(draws[2000]).toBeGreaterThan(1.85);
    expect(draws[2000]).toBeLessThan(2.15);
  });
});
