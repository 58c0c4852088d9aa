-- Coverage as history, in runs: sweeps of one (account, region, kind) that followed one another within the time that each
-- vouches for, ended alike and, but for the first, changed nothing. instant, until: of the first sweep and of the last;
-- finished, last_finished: when those ended. Sweeps kept before are a run each.
CREATE TABLE own.past_coverage (
    account VARCHAR NOT NULL, region VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    instant TIMESTAMP NOT NULL, until TIMESTAMP NOT NULL, finished TIMESTAMP NOT NULL, last_finished TIMESTAMP NOT NULL,
    good BOOLEAN NOT NULL, state VARCHAR NOT NULL, problem VARCHAR NOT NULL, rows BIGINT NOT NULL, calls BIGINT NOT NULL,
    retries BIGINT NOT NULL, seconds DOUBLE NOT NULL, cost DOUBLE NOT NULL
);
INSERT INTO own.past_coverage
    SELECT account, region, kind, instant, instant, finished, finished, good, state, problem, rows, calls, retries, seconds, cost
    FROM own.coverage;
DROP TABLE own.coverage;

-- The run that goes on is in own.watch, so that a sweep without news writes one row.
ALTER TABLE own.watch ADD COLUMN IF NOT EXISTS run_from TIMESTAMP;
ALTER TABLE own.watch ADD COLUMN IF NOT EXISTS run_until TIMESTAMP;
ALTER TABLE own.watch ADD COLUMN IF NOT EXISTS run_finished TIMESTAMP;

CREATE VIEW own.coverage_run AS
    SELECT * FROM own.past_coverage
    UNION ALL
    SELECT account, region, kind, run_from, run_until, run_finished, last_try, state IN ('ok', 'empty'), state, problem,
        rows, calls, retries, seconds, cost
    FROM own.watch WHERE run_from IS NOT NULL;

-- The sweeps of which the instant is known: of each run the first and the last. Between them nothing changed.
CREATE VIEW own.coverage AS
    SELECT account, region, kind, instant, finished, good FROM own.coverage_run
    UNION ALL
    SELECT account, region, kind, until, last_finished, good FROM own.coverage_run WHERE until > instant;
