-- Version 2. How many entries of the log a commit has: who sees fewer of them does not undo it.
ALTER TABLE commits ADD entries int;
UPDATE commits e SET entries = (SELECT count(*) FROM log l WHERE l.seq = e.seq);
ALTER TABLE commits ALTER entries SET NOT NULL;

-- The planner takes no samples of what is of a memory, and forgets those that it has. An index on a column is made anew then.
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT c.oid::regclass AS held, a.attname AS part, format_type(a.atttypid, a.atttypmod) AS type,
        EXISTS (SELECT 1 FROM pg_stats p WHERE p.schemaname = current_schema() AND p.tablename = c.relname
            AND p.attname = a.attname) AS is_sampled
        FROM (VALUES ('contents', 'body'), ('contents', 'digest'), ('contents', 'mime'), ('contents', 'caption'),
            ('blobs', 'digest'), ('blobs', 'bytes'), ('vectors', 'data'), ('words', 'terms'), ('words', 'repeated'),
            ('states', 'provenance'), ('states', 'metadata'), ('relations', 'provenance'), ('notes', 'note')) t (held, part)
        JOIN pg_class c ON c.relname = t.held AND c.relnamespace = current_schema()::regnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = t.part
    LOOP
        IF one.is_sampled THEN
            EXECUTE format('ALTER TABLE %s ALTER %I TYPE %s', one.held, one.part, one.type);
        END IF;
        EXECUTE format('ALTER TABLE %s ALTER %I SET STATISTICS 0', one.held, one.part);
    END LOOP;
    FOR one IN SELECT c.oid::regclass AS held FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND starts_with(c.relname, 'vectors_hnsw_')
    LOOP
        EXECUTE format('ALTER INDEX %s ALTER COLUMN 1 SET STATISTICS 0', one.held);
    END LOOP;
END $$;
ALTER TABLE blobs ALTER bytes SET STORAGE EXTERNAL;

-- Vectors of which the squares are nothing, or infinite, in the 32 bits in which the server sums them.
CREATE INDEX vectors_odd ON vectors (m, ns) WHERE is_live AND vector_norm(data) NOT BETWEEN 1e-15 AND 1e15;

-- Roles that may erase what they forget: servers since 17 let them.
DO $$
DECLARE name text;
BEGIN
    IF current_setting('server_version_num')::int >= 170000 THEN
        FOR name IN SELECT DISTINCT m.role FROM members m JOIN pg_roles r ON r.rolname = m.role LOOP
            EXECUTE format('GRANT MAINTAIN ON contents, blobs, vectors, words, states, relations, log, notes TO %I', name);
        END LOOP;
    END IF;
END $$;

-- What has the rights of the owner looks for no table where others may have made one.
ALTER FUNCTION is_member(text) SET search_path FROM CURRENT;
CREATE FUNCTION is_mine(ns int) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM namespaces p WHERE p.ns = $1 AND is_seen(p.path) AND is_member(p.path))
$$;
-- Relations are seen by who sees both ends. These three are for the others, with the rights of the owner: they say of the
-- memories of who asks that something leads to them or through others, and nothing of those. Relations of what it has
-- forgotten end.
CREATE FUNCTION apart(gone bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    UPDATE relations r SET until = coalesce(r.until, h.seq + 1), provenance = NULL
    FROM head h, nodes k JOIN states s ON s.s = k.current
    WHERE k.n = ANY($1) AND s.status = 4 AND is_mine(k.ns) AND (r.a = k.n OR r.b = k.n)
$$;
-- Which are ends of relations with what is not seen.
CREATE FUNCTION ends_elsewhere(asked bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT k.n FROM nodes k WHERE k.n = ANY($1) AND is_mine(k.ns) AND EXISTS (SELECT 1 FROM relations r
        WHERE r.until IS NULL AND (r.a = k.n AND NOT is_mine(r.ns_b) OR r.b = k.n AND NOT is_mine(r.ns_a)))
$$;
-- Which are reached from some by relations of a kind (twice the same), and which lead to which by others alone.
CREATE FUNCTION led(kinds text[], ids uuid[]) RETURNS TABLE (kind text, a bigint, b bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH RECURSIVE walk (kind, a, n) AS (
        -- The last that is seen of a way, and where it is now.
        SELECT t.kind COLLATE "C", k.n, k.n FROM unnest($1, $2) t (kind, id) JOIN nodes k ON k.id = t.id
        WHERE is_mine(k.ns) UNION
        SELECT r.kind, CASE WHEN is_mine(r.ns_b) THEN r.b ELSE w.a END, r.b
        FROM walk w JOIN relations r ON r.a = w.n AND r.kind = w.kind WHERE r.until IS NULL)
    SELECT w.kind, w.a, w.n FROM walk w WHERE w.a = w.n UNION
    SELECT w.kind, w.a, r.b FROM walk w JOIN relations r ON r.a = w.n AND r.kind = w.kind
    WHERE w.a <> w.n AND r.until IS NULL AND is_mine(r.ns_b)
$$;
