import type { TermList } from '../match/termlist.ts';
import { numericTerm } from '../match/vocabulary.ts';
import { createPrivacyGate, type PrivacyDecision, type PrivacyOptions } from '../privacy/decision.ts';
import { createSignals, readSignals } from '../privacy/privacy.ts';
import { MAX_ONE_BLOCK_BYTES } from '../privacy/sha256.ts';
import { createUserHasher, type UserSalts } from '../privacy/userhash.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import type { AudienceReader } from './audiencereader.ts';

const REQ = shapes.REQUEST.f;
const DEVICE = shapes.DEVICE.f;
const USER = shapes.USER.f;
const USER_EXT = shapes.USER_EXT.f;
const EID = shapes.EID.f;
const UID = shapes.UID.f;

/** Most audiences of one user that are looked at. */
const MAX_AUDIENCES = 64;

/** The person behind a request, as far as privacy lets us know. Reused from request to request. */
export interface Person {
  decision: PrivacyDecision;
  /** Whether `user` names somebody. */
  known: boolean;
  /** The hash in two halves; zeros when not known. */
  readonly user: Uint32Array;
  /** Whether tokens may carry the hash. */
  stored: boolean;
}

/** Somebody of whom nothing may be known. */
export function nobody(): Person {
  const decision: PrivacyDecision = {
    mayBid: false,
    mayUseUserId: false,
    mayPersonalise: false,
    mayStoreUser: false,
    mayUsePreciseGeo: false,
    truncateIp: true,
    limitedBy: null,
  };
  return { decision, known: false, user: new Uint32Array(2), stored: false };
}

export interface PersonOptions {
  readonly privacy: PrivacyOptions;
  /** See `createUserHasher`. */
  readonly userSalt: string | UserSalts;
  /** Stand in for a missing user id with a hash of address and user agent, for frequency caps. */
  readonly fingerprint: boolean;
  /** null without audiences. */
  readonly audiences: AudienceReader | null;
}

export interface PersonReader {
  /** Reads the person of the present request. The object is reused for the next one. */
  read(scan: RequestScan, exchange: string): Person;
  /**
   * Reads the person of the present request ahead, so that ids of several are hashed together: `read` then finds it,
   * as long as requests come in the same order. For at most as many as `hasRoomAhead` allows, then `settle`.
   */
  readAhead(scan: RequestScan, exchange: string): void;
  readonly hasRoomAhead: boolean;
  settle(): void;
  /** Forgets who was read ahead: before requests of a scan are forgotten. */
  forgetAhead(): void;
  /** Adds the person's audiences, if they may be used, as targeting terms: their ids as text. */
  addAudiences(person: Person, terms: TermList): void;
  /** The known person that was read last, as the salt before named them; null without one. Hashed when it is asked for. */
  before(): Uint32Array | null;
  /** Goes on with other salts, between two requests. */
  setSalts(salts: UserSalts): void;
}

/** A person who was read ahead. */
interface Ahead {
  readonly person: Person;
  /** The node of the request. */
  root: number;
  /** Where the hash of the id will be found; -1: it is in `person`. */
  lane: number;
  /** See `UserHasher.note`. */
  readonly noted: Uint8Array;
}

/** One reader per thread. @throws CodedError `salt_too_short` */
export function createPersonReader(options: PersonOptions): PersonReader {
  const gate = createPrivacyGate(options.privacy);
  const hasher = createUserHasher(options.userSalt);
  const signals = createSignals();
  const found = new Uint32Array(MAX_AUDIENCES);
  const alone = nobody();
  const ahead = hasher.lanes.map((): Ahead => ({ person: nobody(), root: 0, lane: -1, noted: new Uint8Array(32) }));
  let aheadCount = 0;
  /** The first of them that has not been asked for. */
  let asked = 0;
  let lanes = 0;
  const earlier = new Uint32Array(2);
  /** Whether `earlier` is of the person that was read last: 0 not looked at, 1 there is none, 2 it is. */
  let lookedBefore = 0;

  const before = (): Uint32Array | null => {
    if (lookedBefore === 0) lookedBefore = hasher.hashBefore(earlier) ? 2 : 1;
    return lookedBefore === 2 ? earlier : null;
  };

  /** @param lane see `identify` */
  const hashField = (scan: RequestScan, node: number, field: number, user: Uint32Array, lane: number): boolean => {
    if (node < 0) return false;
    const length = scan.asciiBytes(node, field);
    if (length < 0 || length > MAX_ONE_BLOCK_BYTES) return hasher.hashId(scan.text(node, field), user);
    if (lane < 0) {
      scan.copyAscii(node, field, hasher.block, 0);
      return hasher.hashBlock(length, user);
    }
    scan.copyAscii(node, field, hasher.lanes[lane]!, 0);
    if (!hasher.keepLane(lane, length)) return false;
    lanes = lane + 1;
    return true;
  };

  /** @param lane where a short id is put to be hashed later; -1: hash it now */
  const identify = (scan: RequestScan, exchange: string, user: Uint32Array, lane: number): boolean => {
    const device = scan.object(scan.root, REQ.device);
    const about = scan.object(scan.root, REQ.user);
    // An advertising id is the same on all exchanges; what only one exchange knows comes last and is kept apart.
    if (hashField(scan, device, DEVICE.ifa, user, lane)) return true;
    if (hashField(scan, about, USER.buyeruid, user, lane)) return true;
    if (hasher.hashId(firstEid(scan, about), user)) return true;
    const theirs = scan.text(about, USER.id);
    if (theirs !== '' && hasher.hashId(`${exchange}:${theirs}`, user)) return true;
    if (!options.fingerprint) return false;
    const address = scan.text(device, DEVICE.ip) || scan.text(device, DEVICE.ipv6);
    const agent = scan.text(device, DEVICE.ua);
    return address !== '' && agent !== '' && hasher.hashId(`${address}|${agent}`, user);
  };

  const meet = (scan: RequestScan, exchange: string, person: Person, lane: number): void => {
    readSignals(scan, signals);
    const decision = gate.decide(signals);
    person.decision = decision;
    person.known = false;
    person.stored = false;
    person.user[0] = 0;
    person.user[1] = 0;
    if (!decision.mayUseUserId) return;
    person.known = identify(scan, exchange, person.user, lane);
    person.stored = person.known && decision.mayStoreUser;
  };

  const recall = ({ person, lane, noted }: Ahead): Person => {
    if (lane >= 0) hasher.readLane(lane, person.user);
    else hasher.recall(noted);
    return person;
  };

  return {
    read(scan, exchange) {
      lookedBefore = 0;
      // Who was refused before anybody asked for them is passed over.
      while (asked < aheadCount && ahead[asked]!.root < scan.root) asked++;
      if (asked < aheadCount && ahead[asked]!.root === scan.root) return recall(ahead[asked++]!);
      meet(scan, exchange, alone, -1);
      return alone;
    },
    get hasRoomAhead() {
      return aheadCount < ahead.length;
    },
    readAhead(scan, exchange) {
      const next = ahead[aheadCount++]!;
      const lane = lanes;
      meet(scan, exchange, next.person, lane);
      next.root = scan.root;
      next.lane = lanes > lane ? lane : -1;
      if (lanes === lane) hasher.note(next.noted);
    },
    settle() {
      if (lanes > 0) hasher.hashLanes(lanes);
    },
    forgetAhead() {
      aheadCount = 0;
      asked = 0;
      lanes = 0;
    },
    addAudiences({ decision, known, user }, terms) {
      if (options.audiences === null || !known || !decision.mayPersonalise) return;
      const count = options.audiences.audiencesOf(user[0]!, user[1]!, found);
      for (let i = 0; i < count; i++) terms.add(numericTerm(found[i]!));
      const then = before();
      if (then === null) return;
      const more = options.audiences.audiencesOf(then[0]!, then[1]!, found);
      for (let i = 0; i < more; i++) terms.add(numericTerm(found[i]!));
    },
    before,
    setSalts: hasher.setSalts,
  };
}

/** The first id that an identity provider gave (`user.eids`, in 2.5 `user.ext.eids`). */
function firstEid(scan: RequestScan, user: number): string {
  const item = scan.first(user, USER.eids) || scan.first(scan.object(user, USER.ext), USER_EXT.eids);
  if (item === 0) return '';
  const uid = scan.first(scan.itemNode(item), EID.uids);
  return uid === 0 ? '' : scan.text(scan.itemNode(uid), UID.id);
}
