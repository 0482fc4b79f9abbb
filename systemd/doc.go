// Package systemd is what a board boots: units, users, folders, rules for devices. Its
// tests hold each file against the programs.
package systemd
