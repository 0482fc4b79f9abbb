package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"railgate/store/journal"
)

// errDamaged is a value whose checksum is wrong.
var errDamaged = errors.New("damaged: checksum mismatch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealSize is how many bytes seal appends.
const sealSize = 4

// seal appends a CRC-32C over key and value to value: bbolt has none of its own,
// and a flipped bit on a memory card must not pass for a record.
func seal(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, checksum(key, value))
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// unseal checks and takes off what seal appended.
func unseal(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - sealSize
	if n < 0 || binary.BigEndian.Uint32(sealed[n:]) != checksum(key, sealed[:n]) {
		return nil, errDamaged
	}
	return sealed[:n], nil
}

// encodeSealed writes a value of this program's own, which can always be encoded.
func encodeSealed(key []byte, v any) []byte {
	value, err := journal.Encode(v)
	if err != nil {
		panic("store: internal error: " + err.Error())
	}
	return seal(key, value)
}

func decodeSealed(key, sealed []byte, v any) error {
	value, err := unseal(key, sealed)
	if err != nil {
		return err
	}
	return journal.Decode(value, v)
}
