package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/cmd/issuer/office"
	"railgate/cmd/issuer/office/officetest"
	"railgate/cmd/issuer/signin/signintest"
	"railgate/verify"
)

// BenchmarkIssuerCodes asks for issuer-rotated codes over HTTP, as phones do, from
// many sessions and addresses, with the limits on. Issuer and phones share the machine.
func BenchmarkIssuerCodes(b *testing.B) {
	// So many, from so many addresses, that none asks too often.
	const sessions, halves = 4000, 2
	dir := b.TempDir()
	size := []int{inUse(b, dir)}
	var tokens []string
	for half := range halves {
		tokens = append(tokens, addCertificates(b, dir, half*sessions/halves, sessions/halves)...)
		size = append(size, inUse(b, dir))
	}
	o := openOffice(b, dir)
	srv := httptest.NewServer((&web{Office: o, people: signintest.Guard(), limits: newLimits(), log: slog.New(slog.DiscardHandler)}).handler())
	var next, phones, codes atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		client := phoneAt(int(phones.Add(1)))
		for pb.Next() {
			ok, err := askCode(client, srv.URL, tokens[next.Add(1)%sessions])
			if err != nil {
				b.Error(err)
				return
			}
			if ok {
				codes.Add(1)
			}
		}
	})
	b.StopTimer()
	srv.Close()
	closeOffice(b, o)
	b.ReportMetric(float64(codes.Load())/b.Elapsed().Seconds(), "codes/s")
	b.ReportMetric(float64(b.N)-float64(codes.Load()), "told-to-wait")
	for half := range halves {
		b.ReportMetric(float64(size[half+1]-size[half])/(sessions/halves), fmt.Sprintf("B/certificate-of-half-%d", half+1))
	}
	if after := inUse(b, dir); after != size[halves] {
		b.Errorf("%d codes made the register grow by %d bytes", b.N, after-size[halves])
	}
}

func openOffice(b *testing.B, dir string) *office.Office {
	b.Helper()
	o, err := office.Open(office.Config{Dir: dir, Algorithm: verify.EdDSA, Bench: true, Checker: officetest.Passes{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func closeOffice(b *testing.B, o *office.Office) {
	b.Helper()
	if err := o.Close(); err != nil {
		b.Fatal(err)
	}
}

// addCertificates approves n applications, and gives the sessions' tokens.
func addCertificates(b *testing.B, dir string, first, n int) (tokens []string) {
	b.Helper()
	o := openOffice(b, dir)
	defer closeOffice(b, o)
	for i := first; i < first+n; i++ {
		token, err := o.NewVisitor()
		if err != nil {
			b.Fatal(err)
		}
		f := office.Form{Name: "测试员", Document: office.ResidentCard, Number: cardNumber(i), Confirmed: true, City: "北京"}
		if _, err := officetest.Approve(b.Context(), o, f, verify.ByIssuer, o.Visitor(token)); err != nil {
			b.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	return tokens
}

// cardNumber is the number of a card, another for each n below 28,000: by the standard,
// the sum of its digits times their weights is 1 modulo 11.
func cardNumber(n int) string {
	text, sum := fmt.Sprintf("110105194912%02d%03d", n/1000+1, n%1000), 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(text[i]-'0') * weight
	}
	return text + string("10X98765432"[sum%11])
}

// inUse is how many bytes of the register's pages hold something.
func inUse(b *testing.B, dir string) (n int) {
	b.Helper()
	closeOffice(b, openOffice(b, dir)) // which makes it
	db, err := bbolt.Open(filepath.Join(dir, "issuer.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error {
			s := bucket.Stats()
			n += s.LeafInuse + s.BranchInuse
			return nil
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// phoneAt is a client with an address of its own.
func phoneAt(n int) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(n))}, Timeout: 10 * time.Second}
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext}, Timeout: 30 * time.Second}
}

// askCode asks for a code; false: it was told to wait.
func askCode(client *http.Client, url, token string) (bool, error) {
	req, err := http.NewRequest("POST", url+"/api/code", strings.NewReader("{}"))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(visitorHeader, token)
	resp, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return false, err
	case resp.StatusCode == http.StatusTooManyRequests:
		return false, nil
	case resp.StatusCode != http.StatusOK || !strings.Contains(string(text), `"text":"RG1:`):
		return false, fmt.Errorf("status %d: %.200s", resp.StatusCode, text)
	}
	return true, nil
}
