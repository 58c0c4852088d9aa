-- When a kind's versions changed last; NULL where that is not known. What changed since need not be asked of the others.
ALTER TABLE own.kind_version ADD COLUMN IF NOT EXISTS changed TIMESTAMP;
