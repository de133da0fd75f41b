-- Sums of days of the log that are over, for reports over long times: see reporting/store/cubes.ts. What made them tells
-- one build from another, so that a build counts as a whole or not at all.
CREATE TABLE IF NOT EXISTS ${database}.rollups
(
    cube LowCardinality(String),
    block_day Date,
    build UInt64,
    time DateTime('UTC'),
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
    size LowCardinality(String),
    type LowCardinality(String),
    status LowCardinality(String),
    reason LowCardinality(String),
    detail LowCardinality(String),
    impressions Int64,
    clicks Int64,
    wins Int64,
    bills Int64,
    losses Int64,
    conversions Int64,
    click_conversions Int64,
    view_conversions Int64,
    spend_nanos Int64,
    revenue_micros Int64,
    video_starts Int64,
    video_first_quartiles Int64,
    video_midpoints Int64,
    video_third_quartiles Int64,
    video_completes Int64,
    received Int64,
    accepted Int64,
    duplicates Int64,
    invalid Int64,
    quarantined Int64,
    late Int64,
    users AggregateFunction(uniqCombined64(14), UInt64)
)
ENGINE = ${engine}
PARTITION BY (block_day, cube, build)
ORDER BY (advertiser_id, campaign_id, time)
SETTINGS ${settings};

-- Which build of a day counts: the latest here, when it was made of the rows that are there now. Build 0 says that none does.
CREATE TABLE IF NOT EXISTS ${database}.rollup_days
(
    block_day Date,
    build UInt64,
    made_ms Int64,
    source String,
    rows UInt64,
    from_ms Int64,
    to_ms Int64
)
ENGINE = ${engine}
ORDER BY (block_day, made_ms)
SETTINGS ${settings};

-- What these projections were for, at the cost of every insert.
ALTER TABLE ${database}.${events} DROP PROJECTION IF EXISTS by_day;

ALTER TABLE ${database}.${events} DROP PROJECTION IF EXISTS by_day_country;

ALTER TABLE ${database}.${events} DROP PROJECTION IF EXISTS by_day_device;

ALTER TABLE ${database}.${events} DROP PROJECTION IF EXISTS by_reach;
