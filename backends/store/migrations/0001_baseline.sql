CREATE SCHEMA own;
CREATE SCHEMA kept;
CREATE SCHEMA series;
CREATE SCHEMA results;

-- Who this store is: schema, partition, endpoint, label.
CREATE TABLE own.meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

-- The columns that each kind's tables have had. A late one was declared after the table had been made: rows recorded
-- before say so by a NULL in its companion column. A retired one is no longer declared.
CREATE TABLE own.kind_column (
    kind VARCHAR NOT NULL, name VARCHAR NOT NULL, type VARCHAR NOT NULL, late BOOLEAN NOT NULL, retired BOOLEAN NOT NULL
);

-- The data version of each kind: counts up with every change that a reader could see.
CREATE TABLE own.kind_version (kind VARCHAR NOT NULL, version BIGINT NOT NULL);

CREATE SEQUENCE own.sweep_id;
CREATE SEQUENCE own.run_id;

-- One row per (account, region, kind): how its latest sweep ended and whether one is under way.
-- swept: instant of the latest sweep begun; first_good_at, good_at: of the first and the latest good one; last_good: when that one finished;
-- partial: rows of a sweep that did not end well are visible.
CREATE TABLE own.watch (
    account VARCHAR NOT NULL, region VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    swept TIMESTAMP NOT NULL, sweep BIGINT, touched BOOLEAN NOT NULL, partial BOOLEAN NOT NULL,
    state VARCHAR NOT NULL, problem VARCHAR NOT NULL, rows BIGINT NOT NULL, calls BIGINT NOT NULL, retries BIGINT NOT NULL,
    seconds DOUBLE NOT NULL, cost DOUBLE NOT NULL, first_good_at TIMESTAMP, good_at TIMESTAMP, last_good TIMESTAMP, last_try TIMESTAMP
);

-- Every finished sweep: coverage as history.
CREATE TABLE own.coverage (
    account VARCHAR NOT NULL, region VARCHAR NOT NULL, kind VARCHAR NOT NULL, sweep BIGINT NOT NULL,
    instant TIMESTAMP NOT NULL, finished TIMESTAMP NOT NULL, good BOOLEAN NOT NULL, state VARCHAR NOT NULL,
    problem VARCHAR NOT NULL, rows BIGINT NOT NULL, calls BIGINT NOT NULL, retries BIGINT NOT NULL,
    seconds DOUBLE NOT NULL, cost DOUBLE NOT NULL
);

-- Results of analytics: one row per run; the rows of a run are in results.<what>.
CREATE TABLE own.run (
    id BIGINT NOT NULL, what VARCHAR NOT NULL, model VARCHAR NOT NULL, as_of TIMESTAMP NOT NULL, made TIMESTAMP NOT NULL,
    score VARCHAR NOT NULL, rows BIGINT NOT NULL
);

-- What the latest runs say about a resource, for the tables: a few words each.
CREATE TABLE own.flag (ref VARCHAR NOT NULL, what VARCHAR NOT NULL, severity VARCHAR NOT NULL, label VARCHAR NOT NULL);

-- Append-only. record is canonical JSON text, hash covers it and prev; who writes it computes both.
CREATE TABLE own.audit (
    seq BIGINT NOT NULL, instant TIMESTAMP NOT NULL, record VARCHAR NOT NULL, prev VARCHAR NOT NULL, hash VARCHAR NOT NULL
);
