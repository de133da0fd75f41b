-- What bids were worth before shading, for what shading saved. Rows from before were not told apart.
ALTER TABLE ${database}.${bid_stats} ADD COLUMN IF NOT EXISTS value_nanos Int64 DEFAULT bid_nanos AFTER bid_nanos;

ALTER TABLE ${database}.${bid_stats} ADD PROJECTION IF NOT EXISTS by_value
(
    SELECT quarter, advertiser_id, campaign_id, line_item_id, kind, status,
        sum(requests), sum(matched), sum(bids), sum(bid_nanos), sum(no_bids), sum(value_nanos)
    GROUP BY quarter, advertiser_id, campaign_id, line_item_id, kind, status
);
