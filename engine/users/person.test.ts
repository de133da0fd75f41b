import { describe, expect, it } from 'vitest';
import { TermList } from '../match/termlist.ts';
import { defaultVendor } from '../privacy/decision.ts';
import { createUserHasher, userHex } from '../privacy/userhash.ts';
import { RequestScan } from '../request/scan.ts';
import type { AudienceReader } from './audiencereader.ts';
import { createPersonReader, type PersonOptions } from './person.ts';

const userSalt = 'the salt of the person tests';
const hasher = createUserHasher(userSalt);
const scan = new RequestScan();
const body = Buffer.alloc(1 << 16);

/** Whoever asks, the user is in audiences 7 and 12. */
const audiences: AudienceReader = {
  audiencesOf(_hi, _lo, out) {
    out.set([7, 12]);
    return 2;
  },
  refresh() {},
  close: async () => {},
};

function read(request: object, change: Partial<PersonOptions> = {}) {
  const reader = createPersonReader({
    privacy: { vendor: defaultVendor },
    userSalt,
    fingerprint: false,
    audiences,
    ...change,
  });
  const length = body.write(JSON.stringify({ id: '1', imp: [{}], ...request }));
  expect(scan.scan(body, length)).toBe(null);
  const person = reader.read(scan, 'demo');
  const terms = new TermList();
  reader.addAudiences(person, terms);
  return { ...person, hex: userHex(person.user[0]!, person.user[1]!), terms: terms.toArray() };
}
const hashOf = (id: string): string => {
  const out = new Uint32Array(2);
  hasher.hashId(id, out);
  return userHex(out[0]!, out[1]!);
};
const nobody = { known: false, stored: false, hex: '0000000000000000', terms: [] };

describe('the person behind a request', () => {
  it.each([
    ['advertising id first', { device: { ifa: 'IFA-1' }, user: { buyeruid: 'B', id: 'U' } }, 'ifa-1'],
    [
      'a reset advertising id is none',
      { device: { ifa: '00000000-0000-0000-0000-000000000000' }, user: { buyeruid: 'B' } },
      'B',
    ],
    ['then our own id', { user: { buyeruid: 'B', eids: [{ source: 's', uids: [{ id: 'E' }] }] } }, 'B'],
    ['then an identity provider’s', { user: { id: 'U', eids: [{ source: 's', uids: [{ id: 'E' }] }] } }, 'E'],
    ['in the 2.5 place', { user: { ext: { eids: [{ source: 's', uids: [{ id: 'E' }] }] } } }, 'E'],
    ['last the exchange’s, kept apart from those of others', { user: { id: 'U' } }, 'demo:U'],
  ])('%s', (_, request, id) => {
    expect(read(request)).toMatchObject({ known: true, hex: hashOf(id), stored: true, terms: ['7', '12'] });
  });

  it.each([
    ['COPPA', { regs: { coppa: 1 } }],
    ['lmt', { device: { ifa: 'IFA-1', lmt: 1 } }],
    ['dnt as text', { device: { ifa: 'IFA-1', dnt: '1' } }],
    ['GDPR without consent', { regs: { gdpr: 1 } }],
    ['GDPR in the 2.5 place', { regs: { ext: { gdpr: 1 } } }],
    [
      'GDPR with a malformed string in the 2.5 place',
      { regs: { gdpr: 1 }, user: { buyeruid: 'B', ext: { consent: 'x' } } },
    ],
    ['US privacy opt-out', { regs: { us_privacy: '1YYN' } }],
    ['US privacy opt-out in the 2.5 place', { regs: { ext: { us_privacy: '1YYN' } } }],
    ['a GPP section that can not be read', { regs: { gpp: 'DBxx', gpp_sid: [7] } }],
    ['the same in the 2.5 place', { regs: { ext: { gpp: 'DBxx', gpp_sid: [7] } } }],
    ['from where GDPR is law', { device: { ifa: 'IFA-1', geo: { country: 'deu' } } }],
    ['no id at all', { user: {}, device: { ip: '192.0.2.1', ua: 'agent' } }],
  ])('is nobody: %s', (_, request) => {
    expect(read({ user: { buyeruid: 'B' }, ...request })).toMatchObject(nobody);
  });

  it('is known by address and agent only where configured, and never against privacy', () => {
    const device = { ip: '192.0.2.1', ua: 'agent' };
    const known = read({ device }, { fingerprint: true });
    expect(known).toMatchObject({ known: true, hex: hashOf('192.0.2.1|agent') });
    expect(read({ device: { ua: 'agent' } }, { fingerprint: true })).toMatchObject(nobody);
    expect(read({ device: { ...device, lmt: 1 } }, { fingerprint: true })).toMatchObject(nobody);
  });

  it('is known by the salt of now, and is still who they were by the one before', () => {
    const asked: number[][] = [];
    const before = createUserHasher('the salt before that salt');
    const reader = createPersonReader({
      privacy: { vendor: defaultVendor },
      userSalt: { current: userSalt, before: 'the salt before that salt' },
      fingerprint: false,
      audiences: {
        ...audiences,
        audiencesOf(hi, lo, out) {
          asked.push([hi, lo]);
          out[0] = asked.length;
          return 1;
        },
      },
    });
    const ask = (id: string) => {
      scan.scan(body, body.write(JSON.stringify({ user: { buyeruid: id } })));
      const person = reader.read(scan, 'demo');
      const terms = new TermList();
      reader.addAudiences(person, terms);
      const then = reader.before();
      return [userHex(person.user[0]!, person.user[1]!), then && userHex(then[0]!, then[1]!), terms.toArray()];
    };
    const hashBefore = (id: string): string => {
      const out = new Uint32Array(2);
      before.hashId(id, out);
      return userHex(out[0]!, out[1]!);
    };
    expect(ask('B')).toEqual([hashOf('B'), hashBefore('B'), ['1', '2']]);
    expect(ask('C')).toEqual([hashOf('C'), hashBefore('C'), ['3', '4']]);
    reader.setSalts({ current: 'the salt after that salt', before: userSalt });
    expect(ask('B')[1], 'after a turn').toBe(hashOf('B'));
  });

  it('is the same read ahead, whoever is passed over', () => {
    const userSaltBefore = { current: userSalt, before: 'the salt before that salt' };
    const options = { privacy: { vendor: defaultVendor }, userSalt: userSaltBefore, fingerprint: true, audiences };
    const [ahead, alone] = [createPersonReader(options), createPersonReader(options)];
    const requests = [
      { device: { ifa: 'IFA-1' } },
      { device: { ifa: '00000000-0000' }, user: { buyeruid: 'B' } },
      { device: { lmt: 1, ifa: 'IFA-2' } },
      { user: { id: 'theirs' } },
      { device: { ifa: 'ünïcode' } },
      {},
      { user: { eids: [{ uids: [{ id: 'E' }] }] } },
      { device: { ip: '192.0.2.1', ua: 'agent' } },
      { device: { ifa: 'IFA-3' } },
    ];
    const told = (reader: typeof ahead) => {
      const { decision, known, stored, user } = reader.read(scan, 'demo');
      return { decision, known, stored, user: [...user], before: known ? [...(reader.before() ?? [])] : [] };
    };
    for (const passedOver of [-1, 0, 3, 8]) {
      scan.forget();
      const roots: number[] = [];
      for (const request of requests) {
        expect(scan.add(body, body.write(JSON.stringify(request)))).toBeNull();
        roots.push(scan.root);
        ahead.readAhead(scan, 'demo');
      }
      ahead.settle();
      roots.forEach((root, i) => {
        scan.root = root;
        if (i !== passedOver) expect(told(ahead), `${passedOver} ${i}`).toEqual(told(alone));
      });
      ahead.forgetAhead();
    }
  });

  it('is forgotten before the next request', () => {
    const reader = createPersonReader({
      privacy: { vendor: defaultVendor },
      userSalt,
      fingerprint: false,
      audiences: null,
    });
    const ask = (request: object) => {
      scan.scan(body, body.write(JSON.stringify(request)));
      return { ...reader.read(scan, 'demo') };
    };
    expect(ask({ user: { buyeruid: 'B' } }).known).toBe(true);
    expect(ask({ user: { buyeruid: 'B' }, device: { lmt: 1 } })).toMatchObject({ known: false, stored: false });
    expect(ask({})).toMatchObject({ known: false, stored: false, user: Uint32Array.of(0, 0) });
  });
});
