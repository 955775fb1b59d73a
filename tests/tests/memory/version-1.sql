-- A store as version 1 wrote it: its tables, and two transactions. Kept as it is.
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('horizon', 0);
CREATE TABLE commits (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT, undoes INTEGER, undone INTEGER);
CREATE TABLE log (
    seq INTEGER NOT NULL, ord INTEGER NOT NULL, op INTEGER NOT NULL, n INTEGER, state INTEGER, before INTEGER, r INTEGER,
    PRIMARY KEY (seq, ord)
) WITHOUT ROWID;
CREATE TABLE namespaces (ns INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE models (m INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL);
CREATE TABLE nodes (
    n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, ns INTEGER NOT NULL, kind INTEGER NOT NULL, created INTEGER NOT NULL,
    last_access INTEGER NOT NULL, accesses INTEGER NOT NULL, current INTEGER
);
CREATE INDEX nodes_ns ON nodes (ns, kind, created);
CREATE TABLE states (
    s INTEGER PRIMARY KEY, n INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER, status INTEGER NOT NULL,
    version INTEGER NOT NULL, importance REAL NOT NULL, valid_from INTEGER, valid_to INTEGER, updated INTEGER NOT NULL,
    ended INTEGER, expires INTEGER, c INTEGER, v INTEGER, provenance TEXT, metadata TEXT
);
CREATE INDEX states_n ON states (n, since);
CREATE INDEX states_expires ON states (expires) WHERE until IS NULL AND status = 0 AND expires IS NOT NULL;
CREATE TABLE contents (c INTEGER PRIMARY KEY, type INTEGER NOT NULL, body, digest BLOB, mime TEXT, caption TEXT);
CREATE INDEX contents_digest ON contents (digest) WHERE digest IS NOT NULL;
CREATE TABLE blobs (b INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);
CREATE TABLE vectors (v INTEGER PRIMARY KEY, m INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE relations (
    r INTEGER PRIMARY KEY, id BLOB NOT NULL, a INTEGER NOT NULL, kind TEXT NOT NULL, b INTEGER NOT NULL,
    weight REAL NOT NULL, valid_from INTEGER, valid_to INTEGER, created INTEGER NOT NULL, since INTEGER NOT NULL,
    until INTEGER, provenance TEXT
);
CREATE UNIQUE INDEX relations_id ON relations (id) WHERE until IS NULL;
CREATE INDEX relations_a ON relations (a, kind);
CREATE INDEX relations_b ON relations (b, kind);
CREATE VIRTUAL TABLE words USING fts5 (
    body, content = '', tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);

PRAGMA application_id = 1417104689;
PRAGMA user_version = 1;
INSERT INTO commits VALUES (1, 1767225600000000, 'first', NULL, NULL), (2, 1767225601000000, NULL, NULL, NULL);
INSERT INTO namespaces VALUES (1, 'a');
INSERT INTO models VALUES (1, 'm', 2);
INSERT INTO contents (c, type, body) VALUES
    (1, 0, 'Ada wrote a program'), (2, 0, 'Babbage built no engine'), (3, 0, 'Ada wrote the first program');
INSERT INTO vectors VALUES (1, 1, x'0000803f000000c0');
INSERT INTO nodes VALUES
    (1, x'00000000000000000000000000000001', 1, 3, 1767225600000000, 1767225600000000, 0, 3),
    (2, x'00000000000000000000000000000002', 1, 1, 1767225600000000, 1767225600000000, 4, 2);
INSERT INTO states VALUES
    (1, 1, 1, 2, 0, 1, 0.6, NULL, NULL, 1767225600000000, NULL, NULL, 1, 1, NULL, NULL),
    (2, 2, 1, NULL, 0, 1, 0.5, NULL, NULL, 1767225600000000, NULL, NULL, 2, NULL,
     '{"source":"a book","derived_from":[]}', '{"k":"1"}'),
    (3, 1, 2, NULL, 0, 2, 0.6, NULL, NULL, 1767225601000000, NULL, NULL, 3, 1, NULL, NULL);
INSERT INTO relations VALUES
    (1, x'00000000000000000000000000000003', 1, 'supports', 2, 1.0, NULL, NULL, 1767225600000000, 1, NULL, NULL);
INSERT INTO log VALUES
    (1, 0, 0, 1, 1, NULL, NULL), (1, 1, 0, 2, 2, NULL, NULL), (1, 2, 7, NULL, NULL, NULL, 1), (2, 0, 1, 1, 3, 1, NULL);
INSERT INTO words (rowid, body) VALUES (1, 'Ada wrote the first program'), (2, 'Babbage built no engine');
