package store

import (
	"errors"
	"hash/crc32"

	"railgate/store/journal"
)

// errDamaged is a value whose checksum is wrong.
var errDamaged = errors.New("damaged: checksum mismatch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends a CRC-32C over key and value to value: bbolt has none of its own,
// and a flipped bit on a memory card must not pass for a record.
func seal(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return append(value, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
}

// unseal checks and takes off what seal appended.
func unseal(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - 4
	if n < 0 {
		return nil, errDamaged
	}
	again := seal(key, append([]byte(nil), sealed[:n]...))
	if string(again) != string(sealed) {
		return nil, errDamaged
	}
	return sealed[:n], nil
}

func encodeSealed(key []byte, v any) ([]byte, error) {
	value, err := journal.Encode(v)
	if err != nil {
		return nil, err
	}
	return seal(key, value), nil
}

func decodeSealed(key, sealed []byte, v any) error {
	value, err := unseal(key, sealed)
	if err != nil {
		return err
	}
	return journal.Decode(value, v)
}
