-- Sums of whole days of UTC, for reports over long times. The advertiser stands first: an own report reads its own rows.
-- Parts from before are read as they are; ALTER TABLE … MATERIALIZE PROJECTION makes these of them too.
ALTER TABLE ${database}.${events} ADD PROJECTION IF NOT EXISTS by_day
(
    SELECT advertiser_id, campaign_id, toStartOfDay(quarter), line_item_id, creative_id, mtype, size, type, status, reason, detail, attribution,
        count(), sum(billed_nanos), sum(value_micros), sum(late)
    GROUP BY advertiser_id, campaign_id, toStartOfDay(quarter), line_item_id, creative_id, mtype, size, type, status, reason, detail, attribution
);

ALTER TABLE ${database}.${events} ADD PROJECTION IF NOT EXISTS by_day_country
(
    SELECT advertiser_id, campaign_id, toStartOfDay(quarter), country, type, status, detail, attribution,
        count(), sum(billed_nanos), sum(value_micros), sum(late)
    GROUP BY advertiser_id, campaign_id, toStartOfDay(quarter), country, type, status, detail, attribution
);

ALTER TABLE ${database}.${events} ADD PROJECTION IF NOT EXISTS by_day_device
(
    SELECT advertiser_id, campaign_id, toStartOfDay(quarter), device_type, os, type, status, detail, attribution,
        count(), sum(billed_nanos), sum(value_micros), sum(late)
    GROUP BY advertiser_id, campaign_id, toStartOfDay(quarter), device_type, os, type, status, detail, attribution
);

