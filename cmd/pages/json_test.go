package pages

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestABodyIsOneJSONValueOfKnownMembers(t *testing.T) {
	cut := errors.New("cut")
	for _, tt := range []struct {
		name string
		body io.Reader
		want error
	}{
		{"as the page sends it", strings.NewReader(`{"name":"李雷"} `), nil},
		{"nothing", strings.NewReader(``), ErrRequest},
		{"no object", strings.NewReader(`"李雷"`), ErrRequest},
		{"cut off", strings.NewReader(`{"name":"李雷"`), ErrRequest},
		{"a member that is not known", strings.NewReader(`{"name":"李雷","role":"window"}`), ErrRequest},
		{"a second value", strings.NewReader(`{"name":"李雷"}{}`), ErrRequest},
		{"a member twice", strings.NewReader(`{"name":"韩梅梅","name":"李雷"}`), ErrRequest},
		{"a member twice, escaped", strings.NewReader(`{"name":"李雷","\u006eame":"李雷"}`), ErrRequest},
		{"a member in another case", strings.NewReader(`{"name":"韩梅梅","Name":"李雷"}`), ErrRequest},
		{"a letter that json takes for an s", strings.NewReader(`{"name":"李雷","more":{"s":1,"ſ":2}}`), ErrRequest},
		{"a member twice, in a list's second object", strings.NewReader(`{"name":"李雷","list":[{"s":1},{"s":1,"s":2}]}`), ErrRequest},
		{"a number that is none, in what is not looked into", strings.NewReader(`{"name":"李雷","raw":[1e999,2]}`), ErrRequest},
		{"a name with a capital, in what is not looked into", strings.NewReader(`{"name":"李雷","raw":{"A":1}}`), ErrRequest},
		{"one name in several objects", strings.NewReader(`{"name":"李雷","more":{"s":1},"list":[{"s":1},{"s":2},[],3,null]}`), nil},
		{"a bracket too many", strings.NewReader(`{"name":"李雷"}}`), ErrRequest},
		{"a network that is cut", io.MultiReader(strings.NewReader(`{"name":"李雷"}`), iotest.ErrReader(cut)), cut},
	} {
		var v struct {
			Name string
			More map[string]int
			List []any
			Raw  json.RawMessage
		}
		if err := ReadJSON(tt.body, &v); !errors.Is(err, tt.want) || (err == nil && v.Name != "李雷") {
			t.Errorf("%s: %v, %v; want %v", tt.name, v, err, tt.want)
		} else if err != nil && strings.Contains(err.Error(), "李雷") {
			t.Errorf("%s: the error %q has the name", tt.name, err)
		}
	}
}

// Whatever a body holds, it is read to its end; what is taken says the same when it is written again.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[{"c":null}]}`, `{"a":1,"a":2}`, `[1e999]`, `{"A":{}}`, `{"\u0061":1,"a":2}`, `{"a":[[],{}],"b":"\ud800"}`, "{\"\xff\":1}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var raw json.RawMessage
		var v, again any
		if ReadJSON(strings.NewReader(body), &raw) != nil || json.Unmarshal(raw, &v) != nil {
			return
		}
		data, err := json.Marshal(v)
		if err != nil || ReadJSON(strings.NewReader(string(data)), &again) != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("%q is taken, and %s is not the same", body, data)
		}
	})
}

func TestWhatSaysThatItIsJSON(t *testing.T) {
	for kind, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true,
		"": false, "text/plain": false, "application/json-seq": false, "application/x-www-form-urlencoded": false, "multipart/form-data; boundary=x": false,
	} {
		if got := IsJSON(&http.Request{Header: http.Header{"Content-Type": {kind}}}); got != want {
			t.Errorf("%q: %v; want %v", kind, got, want)
		}
	}
}
