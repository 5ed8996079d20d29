"""The database's tables. Times are milliseconds since the epoch; no column ever holds a secret.

Statements are parted by empty lines.
"""

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    display_name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    plan TEXT NOT NULL CHECK (plan IN ('free', 'pro', 'enterprise')),
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    listed_keys INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE keys (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    listed INTEGER NOT NULL
);

CREATE INDEX keys_by_age ON keys (account_id, created_at DESC, seq DESC)
    WHERE revoked_at IS NULL AND listed = 1;

CREATE TABLE creates (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    request_id TEXT NOT NULL,
    key_id TEXT NOT NULL REFERENCES keys (id),
    attempt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, request_id)
);

CREATE TRIGGER key_revoked AFTER UPDATE OF revoked_at ON keys
    WHEN new.listed AND old.revoked_at IS NULL AND new.revoked_at IS NOT NULL BEGIN
    UPDATE accounts SET listed_keys = listed_keys - 1 WHERE id = new.account_id;
END;
"""
