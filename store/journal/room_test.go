package journal

import "testing"

func TestWhichRecordsMadeRoom(t *testing.T) {
	r := RoomMade(12, 340)
	if from, upTo, ok := MadeRoom(r); !ok || from != 12 || upTo != 340 || r.Count != 329 {
		t.Errorf("%+v is read as %d to %d, %v", r, from, upTo, ok)
	}
	for name, change := range map[string]func(*Record){
		"another reason": func(r *Record) { r.Reason = "" }, "another kind": func(r *Record) { r.Kind = Lost },
		"no numbers": func(r *Record) { r.Detail = "the station does not have them" }, "the wrong way round": func(r *Record) { r.Detail = RoomMade(340, 12).Detail },
		"from none": func(r *Record) { r.Detail = RoomMade(0, 12).Detail }, "other words": func(r *Record) { r.Detail = "records 12 to 340: gone" },
	} {
		r := RoomMade(12, 340)
		change(&r)
		if from, upTo, ok := MadeRoom(r); ok {
			t.Errorf("%s: %+v is read as %d to %d", name, r, from, upTo)
		}
	}
}

func FuzzMadeRoom(f *testing.F) {
	f.Add(RoomMade(12, 340).Detail)
	f.Add("records 1 to 2: ")
	f.Add("records +1 to 2: the station")
	f.Fuzz(func(t *testing.T, detail string) {
		from, upTo, ok := MadeRoom(Record{Kind: Pruned, Reason: Unsent, Detail: detail})
		if ok && RoomMade(from, upTo).Detail != detail {
			t.Errorf("%q is read as %d to %d", detail, from, upTo)
		}
	})
}
