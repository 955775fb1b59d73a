-- Version 1. What is said of each table stands in `schema.rs`. Texts of callers are `bytea`: they may have zeros in them.
CREATE TABLE meta (one boolean PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL);
INSERT INTO meta (version) VALUES (1);
CREATE TABLE head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL DEFAULT 0, at bigint NOT NULL DEFAULT 0, horizon bigint NOT NULL DEFAULT 0,
    ns int NOT NULL DEFAULT 0, m int NOT NULL DEFAULT 0, n bigint NOT NULL DEFAULT 0, s bigint NOT NULL DEFAULT 0,
    c bigint NOT NULL DEFAULT 0, v bigint NOT NULL DEFAULT 0, r bigint NOT NULL DEFAULT 0,
    documents bigint NOT NULL DEFAULT 0, tokens bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO head (seq) VALUES (0);
CREATE TABLE commits (seq bigint PRIMARY KEY, at bigint NOT NULL, undoes bigint, undone bigint);
CREATE TABLE notes (seq bigint PRIMARY KEY, note bytea NOT NULL);
CREATE TABLE namespaces (ns int PRIMARY KEY, path text COLLATE "C" NOT NULL UNIQUE);
CREATE TABLE models (m int PRIMARY KEY, name bytea NOT NULL UNIQUE, dimension int NOT NULL);
CREATE TABLE nodes (
    n bigint PRIMARY KEY, id uuid NOT NULL UNIQUE, ns int NOT NULL, kind smallint NOT NULL, created bigint NOT NULL,
    last_access bigint NOT NULL, accesses bigint NOT NULL, current bigint
);
CREATE INDEX nodes_ns ON nodes (ns, kind, created);
CREATE TABLE states (
    s bigint PRIMARY KEY, n bigint NOT NULL, ns int NOT NULL, since bigint NOT NULL, until bigint,
    status smallint NOT NULL, version bigint NOT NULL, importance real NOT NULL, valid_from bigint, valid_to bigint,
    updated bigint NOT NULL, ended bigint, expires bigint, c bigint, v bigint, provenance text, metadata bytea[]
);
CREATE INDEX states_n ON states (n, since);
CREATE INDEX states_expires ON states (expires) WHERE until IS NULL AND status = 0 AND expires IS NOT NULL;
CREATE TABLE contents (
    c bigint PRIMARY KEY, n bigint NOT NULL, ns int NOT NULL, type smallint NOT NULL, body bytea, digest bytea,
    mime text, caption bytea
);
CREATE INDEX contents_n ON contents (n);
CREATE INDEX contents_digest ON contents (ns, digest) WHERE digest IS NOT NULL;
CREATE TABLE blobs (ns int NOT NULL, digest bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (ns, digest));
ALTER TABLE blobs ALTER bytes SET STORAGE EXTERNAL;
CREATE TABLE vectors (
    v bigint PRIMARY KEY, n bigint NOT NULL, id uuid NOT NULL, ns int NOT NULL, m int NOT NULL, is_live boolean NOT NULL,
    data vector NOT NULL
);
CREATE INDEX vectors_n ON vectors (n);
CREATE INDEX vectors_ns ON vectors (m, ns) WHERE is_live;
CREATE TABLE tally (ns int NOT NULL, m int NOT NULL, live bigint NOT NULL, PRIMARY KEY (ns, m)) WITH (fillfactor = 50);
CREATE TABLE words (
    n bigint PRIMARY KEY, ns int NOT NULL, length int NOT NULL, terms tsvector NOT NULL, repeated jsonb
);
CREATE INDEX words_terms ON words USING gin (terms);
CREATE TABLE relations (
    r bigint PRIMARY KEY, id uuid NOT NULL, a bigint NOT NULL, kind text COLLATE "C" NOT NULL, b bigint NOT NULL,
    ns_a int NOT NULL, ns_b int NOT NULL, weight real NOT NULL, valid_from bigint, valid_to bigint,
    created bigint NOT NULL, since bigint NOT NULL, until bigint, provenance text
);
CREATE UNIQUE INDEX relations_id ON relations (id) WHERE until IS NULL;
CREATE INDEX relations_r ON relations (id);
CREATE INDEX relations_a ON relations (a, kind);
CREATE INDEX relations_b ON relations (b, kind);
CREATE TABLE log (
    seq bigint NOT NULL, ord int NOT NULL, op smallint NOT NULL, n bigint, ns int NOT NULL, state bigint, before bigint,
    r bigint, PRIMARY KEY (seq, ord)
);

-- Who may see which namespaces, and what is below them; an empty path is all. The owner of the tables sees all.
CREATE TABLE members (role name NOT NULL, path text COLLATE "C" NOT NULL, PRIMARY KEY (role, path));
-- With the rights of the owner, so that nobody needs to read who else may see what.
CREATE FUNCTION is_member(path text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT EXISTS (SELECT 1 FROM members m WHERE m.role = session_user
        AND (m.path = '' OR m.path = $1 OR starts_with($1, m.path || '/')))
$$;
CREATE FUNCTION is_seen(path text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('typewright.namespace', true), '') IN ('', $1)
        OR starts_with($1, current_setting('typewright.namespace', true) || '/')
$$;
ALTER TABLE namespaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON namespaces USING (is_seen(path) AND is_member(path));
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['nodes', 'states', 'contents', 'blobs', 'vectors', 'tally', 'words', 'log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY seen ON %I USING (ns IN (SELECT ns FROM namespaces))', name);
    END LOOP;
END $$;
ALTER TABLE relations ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON relations
    USING (ns_a IN (SELECT ns FROM namespaces) AND ns_b IN (SELECT ns FROM namespaces));
