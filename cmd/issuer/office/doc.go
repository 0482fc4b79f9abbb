// Package office is the issuer at work, without a server: the rules of the electronic
// temporary ID, applied to what is on record.
//
//	rules form reasons      what is decided, and how it is said: pure functions of a
//	                        record, a form and a time (R1 to R16, docs/issuer.md)
//	session account         who asks
//	errand check            an application or a viewing, and its real-person check
//	register vault signing  what is kept: people, the key of their names, signing keys
package office
