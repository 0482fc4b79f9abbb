// Package manifest keeps a service day's tickets: a CSV file that a station publishes,
// compressed with zstd, becomes an immutable sorted table that a gate maps and searches.
//
// # The CSV file
//
// UTF-8, a line a ticket, without quotes and blanks; the first line is exactly
//
//	sub,kind,train,from,until,station,count,people
//
//	sub      the holder, in hex (16 to 64 digits)
//	kind     single, multi or period
//	train    1 to 16 of A-Z a-z 0-9 - _; a single ticket has one
//	from     the window in which the holder may enter, RFC 3339, in whole seconds
//	until    and its end, which is no longer part of it
//	station  where; empty: anywhere
//	count    rides: a multi ticket's 1 to 1000; a single one's, 1 where it is empty; a period has none
//	people   who pass with one code, 1 to 99; 1 where it is empty
//
// # The table
//
// A header, the rows, the names. All integers are little-endian.
//
//	header  "RGTICKT1" ‖ day (4, yyyymmdd) ‖ names (4, how many) ‖ rows (8) ‖ last (8, the latest end of a single
//	        ticket, seconds since 1970) ‖ names' bytes (4) ‖ CRC of the names (4) ‖ SHA-256 of the source (32) ‖ 0 (4) ‖ CRC of all that (4)
//	row     sub (32) ‖ its length (1) ‖ kind (1) ‖ train (2) ‖ station (2) ‖ from (8) ‖ until (8) ‖ people (1) ‖ 0 (1) ‖ count (4) ‖ CRC (4)
//	names   length (1) ‖ bytes; train and station are numbers of names, from 1; 0 is none
//
// CRCs are CRC-32C. Rows are in the order of their bytes up to people, no two of them
// alike there, so a row that is lost, moved, doubled or flipped is noticed: by [Verify],
// which reads all of it, and by [Table.Lookup], which checks each row that it returns.
//
// # Memory
//
// A table is made by an external merge sort: runs of 16,384 rows are sorted in memory and
// written to a temporary file, then merged. It takes some 10 MB however many rows there
// are, and stops between pieces of work, so that a passenger does not wait for it.
package manifest
