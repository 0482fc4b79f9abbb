// Package update is the law of a gate's updates: which release may be written into the
// other slot, when the gate restarts into it, and when it is kept or given up. It knows no
// bootloader and no network.
//
// # What is promised
//
// Whatever the instants at which the power is cut:
//
//  1. The gate starts one of its two slots, never one that was not written whole.
//  2. A release is kept only once it has proved good while it ran.
//  3. A release that does not prove good is left once: the gate restarts by itself once for
//     it, and falls back at most once.
//  4. A release that failed is not installed again by itself; a person may ask for it.
//  5. None that is older than what proved good here is installed by mistake.
//
// It is assumed that of the starts in a row that a bootloader counts (three) one reaches the
// point where it is recorded and carried out; a bootloader whose count is used up starts what it has.
//
// # How
//
// [Step] is a pure function of what is recorded and what happened. Whoever carries it out
// records the new state durably, and then does what it says: what cannot be taken back goes
// by what is on the disk. A state says what was about to happen, so a start that finds
// "restarting" and the old slot knows that the new one did not come up.
//
// The state is one file on the data partition, which no update writes over. Only root writes it.
package update
