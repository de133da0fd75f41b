-- One row per record of the events topic, whatever became of it: the position lives in the data.
-- A block is inserted into one partition of this table, so that it is one part and appears whole or not at all.
CREATE TABLE IF NOT EXISTS ${database}.${events}
(
    partition UInt16,
    offset UInt64,
    block_day Date,
    appended_ms Int64,
    at_ms Int64,
    time_ms Int64,
    tick DateTime('UTC') MATERIALIZED toDateTime(intDiv(time_ms, 10000) * 10, 'UTC'),
    quarter DateTime('UTC') MATERIALIZED toDateTime(intDiv(time_ms, 900000) * 900, 'UTC'),
    type LowCardinality(String),
    status Enum8('accepted' = 1, 'duplicate' = 2, 'invalid' = 3, 'quarantined' = 4),
    reason LowCardinality(String),
    late UInt8,
    claimed UInt8,
    event_id FixedString(24),
    bid_id String,
    node LowCardinality(String),
    advertiser_id UInt32,
    campaign_id UInt32,
    line_item_id UInt32,
    creative_id UInt32,
    exchange LowCardinality(String),
    deal LowCardinality(String),
    domain LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    os LowCardinality(String),
    device_type UInt8,
    mtype UInt8,
    w UInt16,
    h UInt16,
    size LowCardinality(String) MATERIALIZED if(w = 0, '', concat(toString(w), 'x', toString(h))),
    user UInt64,
    price_nanos Int64,
    billing UInt8,
    billed_nanos Int64,
    loss_code Int32,
    min_to_win_nanos Int64,
    ip String,
    ua String,
    detail LowCardinality(String),
    order_id String,
    attribution LowCardinality(String),
    value_micros Int64,
    currency LowCardinality(String),
    raw String,
    INDEX tick_range tick TYPE minmax GRANULARITY 1,
    -- Aggregates live inside each part: they are exact whenever the part is there (the pacer and minute reports).
    PROJECTION by_tick
    (
        SELECT tick, advertiser_id, campaign_id, line_item_id, node, type, status, detail, attribution,
            count(), sum(billing), sum(billed_nanos), sum(value_micros), sum(late)
        GROUP BY tick, advertiser_id, campaign_id, line_item_id, node, type, status, detail, attribution
    ),
    PROJECTION by_creative
    (
        SELECT quarter, advertiser_id, campaign_id, line_item_id, creative_id, mtype, size, exchange, type, status, reason, detail, attribution,
            count(), sum(billed_nanos), sum(value_micros), sum(late)
        GROUP BY quarter, advertiser_id, campaign_id, line_item_id, creative_id, mtype, size, exchange, type, status, reason, detail, attribution
    ),
    PROJECTION by_audience
    (
        SELECT quarter, advertiser_id, campaign_id, line_item_id, country, region, device_type, os, type, status, detail, attribution,
            count(), sum(billed_nanos), sum(value_micros), sum(late)
        GROUP BY quarter, advertiser_id, campaign_id, line_item_id, country, region, device_type, os, type, status, detail, attribution
    ),
    PROJECTION by_inventory
    (
        SELECT quarter, advertiser_id, campaign_id, line_item_id, exchange, deal, domain, type, status, detail, attribution,
            count(), sum(billed_nanos), sum(value_micros), sum(late)
        GROUP BY quarter, advertiser_id, campaign_id, line_item_id, exchange, deal, domain, type, status, detail, attribution
    )
)
ENGINE = ${engine}
PARTITION BY block_day
ORDER BY (partition, offset)
SETTINGS ${settings};
