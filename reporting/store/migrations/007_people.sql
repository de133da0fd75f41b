-- Sketches of people a quarter as large: a month of all campaigns joins thousands of them. What was made with the larger
-- ones is made anew, see reporting/store/cubes.ts.
ALTER TABLE ${database}.rollups DROP COLUMN IF EXISTS users;

ALTER TABLE ${database}.rollups ADD COLUMN IF NOT EXISTS users AggregateFunction(uniqCombined64(12), UInt64);
