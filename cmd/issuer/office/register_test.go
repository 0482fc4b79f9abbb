package office

import (
	"encoding/hex"
	"testing"

	"railgate/verify"
)

// What an older issuer wrote is read: the names in the file stay.
func TestOlderRecordsAreRead(t *testing.T) {
	// {"Sealed": h'00', "Dossier": {"Certificates": [{"ID": 'cert0001', "Way": 2, "Session": 's'}]}}
	data, err := hex.DecodeString("a2" + "665365616c6564" + "4100" + "67446f7373696572" + "a1" + "6c436572746966696361746573" +
		"81" + "a3" + "624944" + "486365727430303031" + "63576179" + "02" + "6753657373696f6e" + "4173")
	if err != nil {
		t.Fatal(err)
	}
	var rec record
	if err := fileDecoding.Unmarshal(data, &rec); err != nil {
		t.Fatal(err)
	}
	if len(rec.Dossier.Certificates) != 1 || rec.Dossier.Certificates[0].Rotation != verify.ByChain || rec.Dossier.Certificates[0].Session != "s" {
		t.Errorf("read: %+v; want a chain's certificate that s sees", rec)
	}
}
