-- Additions to the days' tickets, as gates get them: signed notes, by their numbers.
CREATE TABLE additions (
	station TEXT NOT NULL,
	serial  BIGINT NOT NULL,
	day     BIGINT NOT NULL, -- yyyymmdd
	note    BYTEA NOT NULL,
	PRIMARY KEY (station, serial)
);
