-- Version 3. What is said of each table stands in `schema.rs`.
CREATE TABLE meta (key TEXT PRIMARY KEY, value, sum INTEGER) WITHOUT ROWID;
INSERT INTO meta VALUES ('horizon', 0, row_sum('horizon', 0));
CREATE TABLE commits (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT, undoes INTEGER, undone INTEGER, log TEXT NOT NULL, sum INTEGER
);
CREATE TABLE namespaces (ns INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sum INTEGER);
CREATE TABLE models (m INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL, sum INTEGER);
CREATE TABLE nodes (
    n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, ns INTEGER NOT NULL, kind INTEGER NOT NULL, created INTEGER NOT NULL,
    last_access INTEGER NOT NULL, accesses INTEGER NOT NULL, current INTEGER, sum INTEGER
);
CREATE INDEX nodes_ns ON nodes (ns, kind, created);
CREATE TABLE states (
    s INTEGER PRIMARY KEY, n INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER, status INTEGER NOT NULL,
    version INTEGER NOT NULL, importance REAL NOT NULL, valid_from INTEGER, valid_to INTEGER, updated INTEGER NOT NULL,
    ended INTEGER, expires INTEGER, c INTEGER, v INTEGER, provenance TEXT, metadata TEXT, sum INTEGER
);
CREATE INDEX states_n ON states (n, since) WHERE until IS NOT NULL;
CREATE INDEX states_expires ON states (expires) WHERE until IS NULL AND status = 0 AND expires IS NOT NULL;
CREATE TABLE contents (
    c INTEGER PRIMARY KEY, type INTEGER NOT NULL, body, digest BLOB, mime TEXT, caption TEXT, sum INTEGER
);
CREATE INDEX contents_digest ON contents (digest) WHERE digest IS NOT NULL;
CREATE TABLE blobs (b INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL, sum INTEGER);
CREATE TABLE vectors (v INTEGER PRIMARY KEY, m INTEGER NOT NULL, data BLOB NOT NULL, sum INTEGER);
CREATE TABLE relations (
    r INTEGER PRIMARY KEY, id BLOB NOT NULL, a INTEGER NOT NULL, kind TEXT NOT NULL, b INTEGER NOT NULL,
    weight REAL NOT NULL, valid_from INTEGER, valid_to INTEGER, created INTEGER NOT NULL, since INTEGER NOT NULL,
    until INTEGER, provenance TEXT, sum INTEGER
);
CREATE UNIQUE INDEX relations_id ON relations (id) WHERE until IS NULL;
CREATE INDEX relations_a ON relations (a, kind);
CREATE INDEX relations_b ON relations (b, kind);
CREATE VIRTUAL TABLE words USING fts5 (
    body, content = '', tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
