package turnstile

import (
	"reflect"
	"testing"
)

func FuzzParseOutputs(f *testing.F) {
	f.Add([]byte(`{"lines":[{"line":"pinctrl-rp1:17","inactive":true}],"trace":"/tmp/trace"}`))
	f.Add([]byte(`{"lines":null}`))
	f.Add([]byte(`{"lines":[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ParseOutputs(data)
		if err != nil {
			if !reflect.ValueOf(o).IsZero() {
				t.Errorf("ParseOutputs = %v and %v; want nothing beside an error", o, err)
			}
			return
		}
		text, err := o.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseOutputs(text); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%v is read again as %v, %v", o, again, err)
		}
	})
}
