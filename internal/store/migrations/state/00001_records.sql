-- The ordered log of records and what is committed with it. One text for both engines: SQLite keeps any BYTEA value as
-- the blob it is given. Times are microseconds UTC, always written by us.

-- +goose Up
CREATE TABLE head (
    name  TEXT   NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    seq   BIGINT NOT NULL,
    floor BIGINT NOT NULL,
    tag   TEXT   NOT NULL
);
CREATE TABLE revision (
    seq BIGINT NOT NULL PRIMARY KEY,
    tag TEXT   NOT NULL,
    at  BIGINT NOT NULL
);
CREATE TABLE object (
    tenant  TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    body    BYTEA  NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX object_seq ON object (seq);
CREATE INDEX object_tombstone ON object (seq) WHERE deleted = 1;
CREATE TABLE body (
    tenant TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    id     TEXT   NOT NULL,
    seq    BIGINT NOT NULL,
    body   BYTEA  NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
CREATE TABLE cipher (
    tenant     TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    ciphertext BYTEA  NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE TABLE operation (
    tenant TEXT   NOT NULL,
    op_key TEXT   NOT NULL,
    seq    BIGINT NOT NULL,
    result BYTEA  NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, op_key)
);
CREATE TABLE ticket (
    tenant     TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    hash       BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    principal  TEXT   NOT NULL,
    body       BYTEA  NOT NULL,
    PRIMARY KEY (tenant, kind, hash)
);
CREATE INDEX ticket_expiry ON ticket (expires_at);
CREATE TABLE event (
    tenant    TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    n         BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    action    TEXT   NOT NULL,
    target    TEXT   NOT NULL,
    outcome   TEXT   NOT NULL,
    prev_hash BYTEA  NOT NULL,
    body      BYTEA  NOT NULL,
    PRIMARY KEY (tenant, seq, n)
);
INSERT INTO head (name, epoch, seq, floor, tag) VALUES ('directory', 1, 0, 0, '');
INSERT INTO revision (seq, tag, at) VALUES (0, '', 0);
