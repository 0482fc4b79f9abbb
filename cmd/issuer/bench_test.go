package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"railgate/verify"
)

// BenchmarkIssuerCodes asks for issuer-rotated codes over HTTP, as phones do, from
// many sessions and addresses, with the limits on. Issuer and phones share the machine.
func BenchmarkIssuerCodes(b *testing.B) {
	s, err := openService(config{Dir: b.TempDir(), Algorithm: verify.EdDSA, Bench: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	srv := httptest.NewServer((&web{service: s, limits: newLimits()}).handler())
	defer srv.Close()
	// So many, from so many addresses, that none asks too often.
	const sessions, halves = 4000, 2
	var tokens []string
	var size [halves + 1]int
	for half := range halves {
		size[half] = inUse(b, s.register)
		more, err := addCertificates(s, half*sessions/halves, sessions/halves)
		if err != nil {
			b.Fatal(err)
		}
		tokens = append(tokens, more...)
	}
	size[halves] = inUse(b, s.register)
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
	b.ReportMetric(float64(codes.Load())/b.Elapsed().Seconds(), "codes/s")
	b.ReportMetric(float64(b.N)-float64(codes.Load()), "told-to-wait")
	for half := range halves {
		b.ReportMetric(float64(size[half+1]-size[half])/(sessions/halves), fmt.Sprintf("B/certificate-of-half-%d", half+1))
	}
	if before, after := size[halves], inUse(b, s.register); after != before {
		b.Errorf("%d codes made the register grow by %d bytes", b.N, after-before)
	}
}

// addCertificates approves n applications in one commit, and gives the sessions' tokens.
func addCertificates(s *service, first, n int) (tokens []string, err error) {
	err = s.register.db.Update(func(tx *bbolt.Tx) error {
		for i := first; i < first+n; i++ {
			token, err := s.vault.visitorToken()
			if err != nil {
				return err
			}
			p := person{"测试员", residentCard, fmt.Sprintf("bench%012d", i)}
			rec, holder := new(record), s.vault.holder(p.Document, p.Number)
			if rec.Sealed, err = s.sealed(p, inRegister); err != nil {
				return err
			}
			rec.Dossier.apply(verify.CertificateID(fmt.Sprintf("%08d", i)), verify.ByIssuer, s.visitor(token).id, s.now())
			if err := errors.Join(refile(tx, holder, nil, rec.sessions()), write(tx, peopleBucket, string(holder), rec)); err != nil {
				return err
			}
			tokens = append(tokens, token)
		}
		return nil
	})
	return tokens, err
}

// inUse is how many bytes of the register's pages hold something.
func inUse(b *testing.B, r *register) (n int) {
	b.Helper()
	err := r.db.View(func(tx *bbolt.Tx) error {
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
