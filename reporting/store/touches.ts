import { billingEvents } from '../../core/token.ts';
import type { Sql } from './client.ts';
import type { Touch } from './store.ts';

/** Users asked for in one query. */
const MAX_USERS = 1000;

/** See `Store.touches`. A bloom filter per granule keeps it from reading what no such user is in. */
export async function touches(
  sql: Sql,
  table: string,
  users: readonly string[],
  sinceMs: number,
): Promise<readonly Touch[]> {
  const found: Touch[] = [];
  for (let i = 0; i < users.length; i += MAX_USERS) {
    const list = users.slice(i, i + MAX_USERS).map((user) => BigInt(`0x${user}`).toString());
    const rows = await sql.rows(
      `SELECT lower(hex(user)), type = 'click', at_ms, time_ms, bid_id, advertiser_id, campaign_id, line_item_id, creative_id,
         exchange, deal, domain, country, region, os, device_type, mtype, w, h
       FROM ${table}
       WHERE user IN (${list.join(', ')}) AND type IN ('click', 'impression') AND status = 'accepted' AND time_ms >= {since:Int64}
       ORDER BY type, at_ms DESC
       LIMIT 50 BY user, advertiser_id, type`,
      { since: Math.trunc(sinceMs) },
    );
    found.push(...rows.map(touch));
  }
  return found;
}

function touch(row: readonly unknown[]): Touch {
  const text = (i: number): string => String(row[i]);
  const number = (i: number): number => Number(row[i]);
  return {
    click: number(1) === 1,
    atMs: number(2),
    token: {
      bidId: text(4),
      bidAtMs: number(3),
      capNanos: 0,
      advertiserId: number(5),
      campaignId: number(6),
      lineItemId: number(7),
      creativeId: number(8),
      billingEvent: billingEvents[0],
      test: false,
      user: text(0).padStart(16, '0'),
      exchange: text(9),
      dealId: text(10),
      domain: text(11),
      country: text(12),
      region: text(13),
      os: text(14),
      deviceType: number(15),
      mtype: number(16),
      w: number(17),
      h: number(18),
    },
  };
}
