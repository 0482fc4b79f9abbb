-- What a gate's newest record of a kind says: its release, its keyset, how far it is behind its repositories, its clock.
CREATE TABLE facts (
	gate  BIGINT NOT NULL REFERENCES gates (id),
	what  TEXT NOT NULL,
	said  TEXT NOT NULL, -- '': nothing any more
	since BIGINT NOT NULL,
	PRIMARY KEY (gate, what)
);
