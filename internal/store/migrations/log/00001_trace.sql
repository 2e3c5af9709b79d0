-- What is written behind the answer and may be lost with the power: a file of its own beside SQLite, the same database
-- in PostgreSQL.

-- +goose Up
CREATE TABLE trace (
    tenant    TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    principal TEXT   NOT NULL,
    body      BYTEA  NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX trace_age ON trace (tenant, at);
CREATE INDEX trace_principal ON trace (tenant, principal, at);
