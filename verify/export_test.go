package verify

// OffCurve is a phone's key that is no point of its curve.
func OffCurve() *PhoneKey {
	for k := new(PhoneKey); ; k.x[31]++ {
		if _, err := k.publicKey(); err != nil {
			return k
		}
	}
}
