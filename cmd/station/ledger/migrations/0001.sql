-- Times are microseconds since 1970. An id is the next one of its table.

CREATE TABLE gates (
	id           BIGINT PRIMARY KEY,
	station      TEXT NOT NULL,
	gate         TEXT NOT NULL,
	journal      BYTEA NOT NULL,  -- the Ed25519 key of its checkpoints
	bus          TEXT NOT NULL,   -- its nkey
	provisioning BYTEA NOT NULL,
	enrolled     BIGINT NOT NULL,
	heard        BIGINT NOT NULL, -- when the station heard of it last; 0: never
	direction    TEXT NOT NULL,   -- the lane's, as its newest record has it
	lane         TEXT NOT NULL,   -- what its newest record says of the lane: '', 'out_of_service', 'emergency', 'service', 'stopped'
	why          TEXT NOT NULL,
	since        BIGINT NOT NULL,
	UNIQUE (station, gate)
);

-- Every key that a gate's checkpoints were ever signed with: old receipts are checked by old keys.
CREATE TABLE gate_keys (
	gate    BIGINT NOT NULL REFERENCES gates (id),
	since   BIGINT NOT NULL,
	journal BYTEA NOT NULL,
	PRIMARY KEY (gate, since)
);

CREATE TABLE epochs (
	id             BIGINT PRIMARY KEY,
	gate           BIGINT NOT NULL REFERENCES gates (id),
	epoch          TEXT NOT NULL,
	first          BIGINT NOT NULL, -- the sequence number of leaf 0
	leaves         BIGINT NOT NULL,
	edge           BYTEA NOT NULL,  -- the tree's right edge at so many leaves
	newest         BIGINT NOT NULL, -- the time that its newest record has
	receipt_leaves BIGINT NOT NULL, -- how many leaves the newest receipt is for
	receipt_edge   BYTEA NOT NULL,  -- the right edge there
	receipt_time   BIGINT NOT NULL, -- when it was given
	receipts       BIGINT NOT NULL, -- how many rows of receipts it has
	asked          BIGINT NOT NULL, -- the most leaves that the gate has signed for, and that head
	asked_note     BYTEA,
	doubted        BIGINT NOT NULL, -- 1: a head did not fit, and the records above the receipt were asked for again
	UNIQUE (gate, epoch)
);

CREATE TABLE records (
	epoch     BIGINT NOT NULL REFERENCES epochs (id),
	seq       BIGINT NOT NULL,
	leaf      BYTEA NOT NULL,
	body      BYTEA NOT NULL,
	time      BIGINT NOT NULL,
	kind      TEXT NOT NULL,
	reason    TEXT NOT NULL,
	direction TEXT NOT NULL,
	PRIMARY KEY (epoch, seq)
);

-- The newest receipt of each hour.
CREATE TABLE receipts (
	epoch  BIGINT NOT NULL REFERENCES epochs (id),
	hour   BIGINT NOT NULL, -- since 1970
	leaves BIGINT NOT NULL,
	note   BYTEA NOT NULL,
	time   BIGINT NOT NULL,
	PRIMARY KEY (epoch, hour)
);

CREATE TABLE rollbacks (
	gate  BIGINT NOT NULL REFERENCES gates (id),
	epoch TEXT NOT NULL,
	time  BIGINT NOT NULL, -- the last time that it was seen
	head  BYTEA NOT NULL,  -- what the gate had signed
	proof BYTEA NOT NULL,  -- the receipt that it does not fit
	why   TEXT NOT NULL,
	PRIMARY KEY (gate, epoch)
);

-- Messages that were not taken.
CREATE TABLE refused (
	station TEXT NOT NULL,
	gate    TEXT NOT NULL, -- '?': of gates that are not enrolled
	why     TEXT NOT NULL,
	n       BIGINT NOT NULL,
	first   BIGINT NOT NULL,
	last    BIGINT NOT NULL,
	detail  TEXT NOT NULL, -- of the last one
	PRIMARY KEY (station, gate, why)
);

-- How many records of a kind came in a minute, by the records' own time.
CREATE TABLE minutes (
	gate      BIGINT NOT NULL REFERENCES gates (id),
	minute    BIGINT NOT NULL, -- since 1970
	kind      TEXT NOT NULL,
	reason    TEXT NOT NULL,
	direction TEXT NOT NULL,
	n         BIGINT NOT NULL,
	PRIMARY KEY (gate, minute, kind, reason, direction)
);
CREATE INDEX minutes_minute ON minutes (minute);

-- Uses of multi-ride tickets, as the station's gates have told each other.
CREATE TABLE uses (
	station TEXT NOT NULL,
	ticket  TEXT NOT NULL,
	gate    TEXT NOT NULL,
	n       BIGINT NOT NULL,
	PRIMARY KEY (station, ticket, gate)
);

-- How far each stream has been read. A stream that was made at another time is another one.
CREATE TABLE positions (
	stream  TEXT PRIMARY KEY,
	created BIGINT NOT NULL,
	seq     BIGINT NOT NULL
);
