-- Attribution looks events up by user; reach and frequency come from sketches.
ALTER TABLE ${database}.${events} ADD INDEX IF NOT EXISTS by_user user TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE ${database}.${events} ADD PROJECTION IF NOT EXISTS by_reach
(
    SELECT quarter, advertiser_id, campaign_id, line_item_id, country, region, type, status, uniqIf(user, user != 0)
    GROUP BY quarter, advertiser_id, campaign_id, line_item_id, country, region, type, status
);
