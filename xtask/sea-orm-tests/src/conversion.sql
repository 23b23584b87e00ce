DO $$
DECLARE
    pending oid[] := ARRAY(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                           AND NOT relforcerowsecurity AND relname <> 'seaql_migrations');
    item record;
    foreign_keys text[] := '{}';
BEGIN
    FOR item IN
        SELECT c.conname, c.conrelid::regclass AS at, c.confrelid::regclass AS ref,
               (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) AS columns,
               (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num) AS refs,
               c.confupdtype AS on_update, c.confdeltype AS on_delete
        FROM pg_constraint c WHERE c.contype = 'f' AND (c.conrelid = ANY (pending) OR c.confrelid = ANY (pending))
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', item.at, item.conname);
        CONTINUE WHEN item.columns LIKE 'tenant_id, %';
        foreign_keys := foreign_keys || format(
            'ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (tenant_id, %s) REFERENCES %s (tenant_id, %s) ON UPDATE %s ON DELETE %s',
            item.at, item.conname, item.columns, item.ref, item.refs,
            CASE item.on_update WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END,
            CASE item.on_delete WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL (' || item.columns || ')'
                WHEN 'd' THEN 'SET DEFAULT (' || item.columns || ')' ELSE 'NO ACTION' END);
    END LOOP;
    FOR item IN SELECT p.oid, p.oid::regclass AS at FROM unnest(pending) p(oid) LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS tenant_id uuid NOT NULL DEFAULT ''{own}''', item.at);
        EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id DROP DEFAULT', item.at);
    END LOOP;
    FOR item IN
        SELECT c.conname, c.contype, c.conrelid::regclass AS at,
               (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) AS columns
        FROM pg_constraint c WHERE c.contype IN ('p', 'u') AND c.conrelid = ANY (pending)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s (tenant_id, %s)', item.at, item.conname,
                       item.conname, CASE item.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, item.columns);
    END LOOP;
    FOR item IN
        SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
        WHERE i.indisunique AND i.indrelid = ANY (pending)
          AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    LOOP
        EXECUTE format('DROP INDEX %s', item.name);
        EXECUTE regexp_replace(item.definition, ' USING (\w+) \(', ' USING \1 (tenant_id, ');
    END LOOP;
    FOR item IN SELECT unnest(foreign_keys) AS sql LOOP
        EXECUTE item.sql;
    END LOOP;
    FOR item IN SELECT p.oid, p.oid::regclass AS at FROM unnest(pending) p(oid) LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', item.at);
        EXECUTE format('CREATE POLICY {policy} ON %s USING ({condition})', item.at);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {app}', item.at);
    END LOOP;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {app};
END $$
