package main

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// ubootEnvBytes is what configs/image/virt/boot.cmd and fw_env.config say too.
const ubootEnvBytes = 0x4000

// ubootEnv is U-Boot's environment as a file: a CRC-32, then NAME=VALUE strings, each with a zero behind it, and one more.
func ubootEnv(entries ...string) []byte {
	env := make([]byte, ubootEnvBytes)
	copy(env[4:], strings.Join(entries, "\x00"))
	binary.LittleEndian.PutUint32(env, crc32.ChecksumIEEE(env[4:]))
	return env
}

// grubEnv is GRUB's environment as a file: 1024 bytes, NAME=VALUE lines, filled up with #.
func grubEnv(entries ...string) []byte {
	text := "# GRUB Environment Block\n" + strings.Join(entries, "\n") + "\n"
	return []byte(text + strings.Repeat("#", 1024-len(text)))
}
