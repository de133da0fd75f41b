/** What one request has won so far: its own impressions are not counted anywhere yet. */
export interface Won {
  add(lineItemId: number, campaignId: number, creativeId: number): void;
  clear(): void;
  ofLine(lineItemId: number): number;
  ofCampaign(campaignId: number): number;
  ofCreative(creativeId: number): number;
}

/** A handful of entries: searching a list is quickest. */
export function createWon(): Won {
  const lines: number[] = [];
  const campaigns: number[] = [];
  const creatives: number[] = [];
  return {
    add(lineItemId, campaignId, creativeId) {
      lines.push(lineItemId);
      campaigns.push(campaignId);
      creatives.push(creativeId);
    },
    clear() {
      lines.length = 0;
      campaigns.length = 0;
      creatives.length = 0;
    },
    ofLine: (id) => count(lines, id),
    ofCampaign: (id) => count(campaigns, id),
    ofCreative: (id) => count(creatives, id),
  };
}

function count(ids: readonly number[], wanted: number): number {
  let found = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i] === wanted) found++;
  return found;
}
