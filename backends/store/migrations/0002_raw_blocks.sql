-- Raw elements, many in a block (see backends.blocks): a version names its block and its place in it. Versions kept
-- before have their own element, compressed alone. Tables of kinds get their columns when they are prepared.
CREATE TABLE own.raw_block (id BIGINT NOT NULL, data BLOB NOT NULL);
CREATE SEQUENCE own.raw_block_id;
