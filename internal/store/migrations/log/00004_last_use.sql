-- What was used last, and for what: one row for each thing that is used. It is written behind the answers, as traces are.

-- +goose Up
CREATE TABLE last_use (
    tenant TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    id     TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    body   BYTEA  NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
