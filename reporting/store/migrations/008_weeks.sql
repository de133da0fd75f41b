-- Which build of a week's people counts: the latest here, while the days of that week have the builds it was made of.
CREATE TABLE IF NOT EXISTS ${database}.rollup_weeks
(
    week Date,
    build UInt64,
    made_ms Int64,
    days String
)
ENGINE = ${engine}
ORDER BY (week, made_ms)
SETTINGS ${settings};
