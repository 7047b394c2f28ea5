-- All changes of a catalogue, in order, and the .torrent files that they name.

-- One row. Who locks it decides; so the numbers of changes are in the order in which they are committed.
CREATE TABLE shoal.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_sequence bigint NOT NULL DEFAULT 0,
    token_generation bigint NOT NULL DEFAULT 0
);
INSERT INTO shoal.head DEFAULT VALUES;

-- A publication has an info-hash; a removal has none, and has no version if it took all of the name out.
CREATE TABLE shoal.change (
    sequence bigint PRIMARY KEY,
    counts boolean NOT NULL DEFAULT true, -- false of a version that was removed, and of a removal that is not the last of its name
    name text COLLATE "C" NOT NULL,
    version integer CHECK (version > 0),
    info_hash bytea CHECK (length(info_hash) = 20),
    size bigint,
    file_count integer,
    piece_length integer,
    last_version integer, -- of a removal: the highest that the name ever had
    at timestamptz NOT NULL,
    by text, -- the name of the token
    CHECK ((info_hash IS NULL) = (last_version IS NOT NULL)),
    CHECK (info_hash IS NULL OR (version IS NOT NULL AND size IS NOT NULL AND file_count IS NOT NULL AND piece_length IS NOT NULL))
);
CREATE UNIQUE INDEX change_version ON shoal.change (name, version) WHERE info_hash IS NOT NULL;
CREATE INDEX change_removal ON shoal.change (name) WHERE info_hash IS NULL AND counts;
CREATE INDEX change_torrent ON shoal.change (info_hash) WHERE info_hash IS NOT NULL AND counts;
CREATE INDEX change_spent ON shoal.change (sequence) WHERE NOT counts;

CREATE TABLE shoal.torrent (
    info_hash bytea PRIMARY KEY CHECK (length(info_hash) = 20),
    content bytea NOT NULL
);
ALTER TABLE shoal.torrent ALTER COLUMN content SET STORAGE EXTERNAL; -- mostly hashes, which cannot be compressed

CREATE TABLE shoal.token (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    hash text NOT NULL UNIQUE, -- SHA-256 in hexadecimal digits; the token itself is kept nowhere
    rights text NOT NULL,
    pattern text NOT NULL,
    created_at timestamptz NOT NULL
);
