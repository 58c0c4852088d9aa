-- From when to when all events of a kind were read: one row for each time without a gap. skew: by how many seconds AWS's
-- clock was ahead of ours at its end.
CREATE TABLE own.span (
    account VARCHAR NOT NULL, region VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    since TIMESTAMP NOT NULL, until TIMESTAMP NOT NULL, skew DOUBLE NOT NULL
);

-- What was asked of AWS on each day (UTC), operation by operation; cost in USD.
CREATE TABLE own.spent (
    day DATE NOT NULL, account VARCHAR NOT NULL, service VARCHAR NOT NULL, operation VARCHAR NOT NULL,
    calls BIGINT NOT NULL, retries BIGINT NOT NULL, errors BIGINT NOT NULL, throttled BIGINT NOT NULL,
    rows BIGINT NOT NULL, seconds DOUBLE NOT NULL, cost DOUBLE NOT NULL
);
