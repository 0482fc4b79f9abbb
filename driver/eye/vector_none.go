//go:build !(amd64 || arm64) || purego

package eye

// No vectors: all of a row is left to Go.

func darkVectors([]uint64, []byte, []uint8) int         { return 0 }
func statVectors(_ []uint32, _, _ []byte, _ uint32) int { return 0 }
func halveVectors(_, _, _ []byte) int                   { return 0 }
func quarterVectors(_, _, _ []byte) int                 { return 0 }
func mixVectors(_, _, _, _, _, _ []byte) int            { return 0 }
func endVectors(_ []uint64, _ []int32, _ int) int       { return 0 }
