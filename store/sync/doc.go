// Package sync brings a gate what its operator publishes: keyset, policy, manifest,
// releases, as targets of TUF repositories (The Update Framework, theupdateframework.io),
// from a web server or from a folder such as a USB stick.
//
// # What is promised
//
//  1. Nothing is taken that the repository's keys have not signed, that is older than what
//     was taken before, or that its expiry has passed.
//  2. A file is read up to the size that its metadata allows, and no further.
//  3. Accepted bytes are kept by a [State], each step in one transaction, so that a cut at
//     any byte leaves the old or the new, whole. A file that is kept and damaged is fetched
//     again; what it protected against is then that much older.
//  4. The reference time is the gate's, not the machine's.
//
// The client's steps are those of the TUF specification, section 5, on go-tuf's
// trustedmetadata: bytes in, verdict out. Its updater is not used: its cache of files is
// not synced.
package sync
