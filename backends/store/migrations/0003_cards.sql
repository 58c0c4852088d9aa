-- Cards: the cells of a version as a line of JSON, many in a block (see backends.store.cards). Versions kept before get
-- theirs when the tables of their kind are prepared. A layout says which columns the cells of a block are, in order.
CREATE TABLE own.card_block (id BIGINT NOT NULL, layout INTEGER NOT NULL, data BLOB NOT NULL);
CREATE SEQUENCE own.card_block_id;
CREATE TABLE own.card_layout (id INTEGER NOT NULL, kind VARCHAR NOT NULL, columns VARCHAR[] NOT NULL);
CREATE SEQUENCE own.card_layout_id;
INSERT INTO own.meta VALUES ('lacks_cards', 'yes');
