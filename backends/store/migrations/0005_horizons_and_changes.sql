-- How far back the history of a kind can be told: nothing from before kept_from, and before thinned_until (a midnight)
-- one version a day. Kinds without a row have all that was ever recorded.
CREATE TABLE own.horizon (kind VARCHAR NOT NULL, kept_from TIMESTAMP, thinned_until TIMESTAMP);
-- When a kind's versions changed last; NULL where that is not known. What changed since need not be asked of the others.
ALTER TABLE own.kind_version ADD COLUMN IF NOT EXISTS changed TIMESTAMP;
-- From here on a series is a view of numbered owners and their points, made when it is prepared (see backends.store.points).
