DO $$ BEGIN IF to_regrole('watertight_owner') IS NULL THEN
    CREATE ROLE watertight_owner LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS CREATEDB;
END IF; END $$;

DO $$ BEGIN IF to_regrole('watertight_app') IS NULL THEN
    CREATE ROLE watertight_app LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS NOCREATEDB;
END IF; END $$;

DO $$ BEGIN IF to_regrole('watertight_maintenance') IS NULL THEN
    CREATE ROLE watertight_maintenance LOGIN NOSUPERUSER NOCREATEROLE BYPASSRLS NOCREATEDB;
END IF; END $$;

GRANT pg_signal_backend TO watertight_owner;

GRANT watertight_owner TO watertight_maintenance;
