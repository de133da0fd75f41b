-- Rows of one bidstats record share (partition, offset): one `request` row, and one row per line item and per reason.
CREATE TABLE IF NOT EXISTS ${database}.${bid_stats}
(
    partition UInt16,
    offset UInt64,
    block_day Date,
    appended_ms Int64,
    from_ms Int64,
    to_ms Int64,
    tick DateTime('UTC') MATERIALIZED toDateTime(intDiv(from_ms, 10000) * 10, 'UTC'),
    quarter DateTime('UTC') MATERIALIZED toDateTime(intDiv(from_ms, 900000) * 900, 'UTC'),
    status Enum8('accepted' = 1, 'duplicate' = 2, 'invalid' = 3, 'quarantined' = 4),
    node LowCardinality(String),
    sequence UInt64,
    kind LowCardinality(String),
    advertiser_id UInt32,
    campaign_id UInt32,
    line_item_id UInt32,
    reason LowCardinality(String),
    requests Int64,
    answered Int64,
    errors Int64,
    matched Int64,
    bids Int64,
    bid_nanos Int64,
    no_bids Int64,
    p50_us UInt32,
    p99_us UInt32,
    p999_us UInt32,
    max_us UInt32,
    raw String,
    INDEX tick_range tick TYPE minmax GRANULARITY 1,
    PROJECTION by_tick
    (
        SELECT tick, advertiser_id, campaign_id, line_item_id, kind, status, reason,
            sum(requests), sum(answered), sum(errors), sum(matched), sum(bids), sum(bid_nanos), sum(no_bids)
        GROUP BY tick, advertiser_id, campaign_id, line_item_id, kind, status, reason
    ),
    PROJECTION by_quarter
    (
        SELECT quarter, advertiser_id, campaign_id, line_item_id, kind, status, reason,
            sum(requests), sum(answered), sum(errors), sum(matched), sum(bids), sum(bid_nanos), sum(no_bids)
        GROUP BY quarter, advertiser_id, campaign_id, line_item_id, kind, status, reason
    )
)
ENGINE = ${engine}
PARTITION BY block_day
ORDER BY (partition, offset)
SETTINGS ${settings};
