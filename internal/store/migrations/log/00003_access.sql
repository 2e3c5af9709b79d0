-- Who used which vault for what, and what came of it. A row is what one principal did in a short time, the body its entries.
-- Times are microseconds UTC, of the first entry and of the last; n tells rows of one time apart.

-- +goose Up
CREATE TABLE access (
    tenant    TEXT   NOT NULL,
    vault     TEXT   NOT NULL,
    last      BIGINT NOT NULL,
    n         BIGINT NOT NULL,
    first     BIGINT NOT NULL,
    principal TEXT   NOT NULL,
    caller    TEXT   NOT NULL,
    entries   BIGINT NOT NULL,
    body      BYTEA  NOT NULL,
    PRIMARY KEY (tenant, vault, last, n)
);
