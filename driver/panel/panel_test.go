package panel

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"railgate/driver"
)

// The reasons that a gate can give, and which way out each shows.
var table = []struct {
	reason string
	light  driver.Light
	sound  driver.Sound
	zh, en string
}{
	{"ok", driver.Green, driver.Pass, "请通行", "Please pass"},
	{"code_expired", driver.Red, driver.Again, "二维码已过期，请点击“刷新”后重试", "Code out of date: tap Refresh and try again"},
	{"not_yet_valid", driver.Red, driver.Again, "二维码已过期，请点击“刷新”后重试", "Code out of date: tap Refresh and try again"},
	{"liveness_expired", driver.Red, driver.Again, "请在手机上重新进行实人核验", "Verify yourself again on your phone"},
	{"certificate_expired", driver.Red, driver.Again, "证明已失效，请重新申请", "Certificate ended: please apply again"},
	{"already_used", driver.Red, driver.Again, "该二维码已使用，请点击“刷新”", "Code already used: tap Refresh"},
	{"passback", driver.Red, driver.Staff, "已进站，请勿重复进站", "Already inside"},
	{"no_ticket", driver.Red, driver.Staff, "未查到当日车票，请走人工通道", "No ticket for today: staffed lane"},
	{"too_early", driver.Red, driver.Staff, "未到检票时间", "Not boarding yet"},
	{"wrong_station", driver.Red, driver.Staff, "非本站车票", "Not from this station"},
	{"malformed", driver.Red, driver.Again, "无法识别，请出示乘车二维码", "Can't read this code"},
	{"unknown_key", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"bad_signature", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"key_revoked", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"key_not_valid", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"class_not_accepted", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"bad_claims", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"bad_proof", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"revoked", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
	{"out_of_service", driver.Red, driver.Silent, "本通道暂停使用", "Lane closed"},
	{"a reason of next year's", driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"},
}

func TestEachReasonHasItsLightSoundAndWords(t *testing.T) {
	for _, tt := range table {
		t.Run(tt.reason, func(t *testing.T) {
			got := For(Occasion{Reason: tt.reason}, Languages(), 3*time.Second)
			want := []driver.Words{{Language: "zh", Text: tt.zh}, {Language: "en", Text: tt.en}}
			if got.Light != tt.light || got.Sound != tt.sound || !slices.Equal(got.Words, want) || got.For != 3*time.Second {
				t.Errorf("For = %+v; want %v, %v, %v", got, tt.light, tt.sound, want)
			}
		})
	}
}

func TestWordsThatDependOnTheLaneAndTheDocument(t *testing.T) {
	for _, tt := range []struct {
		occasion Occasion
		zh       string
	}{
		{Occasion{Reason: "certificate_expired", Exit: true}, "证明已失效，请重新申请或走人工通道"},
		{Occasion{Reason: "passback", Exit: true}, "未查到进站记录，请走人工通道"},
		{Occasion{Reason: "already_used", Static: true}, "该证明已使用，请走人工通道"},
	} {
		if got := For(tt.occasion, []string{"zh"}, 0); len(got.Words) != 1 || got.Words[0].Text != tt.zh || got.Light != driver.Red {
			t.Errorf("%+v: %+v; want %s in red", tt.occasion, got, tt.zh)
		}
	}
}

func TestLanguagesAreInTheOrderConfigured(t *testing.T) {
	got := For(Occasion{Reason: "ok"}, []string{"en", "zh"}, 0).Words
	if len(got) != 2 || got[0].Text != "Please pass" || got[1].Text != "请通行" {
		t.Errorf("words = %v; want English, then Chinese", got)
	}
}

// lamp is an output that remembers.
type lamp struct {
	mu     sync.Mutex
	active bool
	log    []string
	err    error
	began  time.Time
}

func (l *lamp) set(active bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active != active {
		l.active = active
		word := map[bool]string{true: "on", false: "off"}[active]
		l.log = append(l.log, word+" "+time.Since(l.began).String())
	}
	return l.err
}

func (l *lamp) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.log, ", ")
}

func withPanel(t *testing.T, test func(t *testing.T, p *Panel, green, red, buzzer *lamp)) {
	synctest.Test(t, func(t *testing.T) {
		green, red, buzzer := &lamp{began: time.Now()}, &lamp{began: time.Now()}, &lamp{began: time.Now()}
		p := New(Config{Name: "panel", Green: green.set, Red: red.set, Buzzer: buzzer.set}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		test(t, p, green, red, buzzer)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
		if green.active || red.active || buzzer.active {
			t.Error("a line is active after the end")
		}
	})
}

func TestPanelShowsForAWhile(t *testing.T) {
	withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
		p.Show(For(Occasion{Reason: "ok"}, nil, 3*time.Second))
		time.Sleep(time.Minute)
		if green.String() != "on 0s, off 3s" || red.String() != "" || buzzer.String() != "on 0s, off 100ms" {
			t.Errorf("green %v; red %v; buzzer %v", green, red, buzzer)
		}
	})
}

func TestPanelShowsUntilTheNext(t *testing.T) {
	withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
		p.Show(For(Occasion{Reason: OutOfService}, nil, 0))
		time.Sleep(time.Hour)
		p.Show(For(Occasion{Reason: "malformed"}, nil, time.Second))
		time.Sleep(50 * time.Millisecond)
		p.Show(For(Occasion{Reason: "ok"}, nil, time.Second)) // overtakes light and sound
		time.Sleep(time.Minute)
		if red.String() != "on 0s, off 1h0m0.05s" || green.String() != "on 1h0m0.05s, off 1h0m1.05s" || buzzer.String() != "on 1h0m0s, off 1h0m0.15s" {
			t.Errorf("green %v; red %v; buzzer %v", green, red, buzzer)
		}
	})
}

func TestEachSoundIsItsOwn(t *testing.T) {
	heard := map[string]driver.Sound{}
	for _, s := range []driver.Sound{driver.Silent, driver.Pass, driver.Again, driver.Staff, driver.Alarm} {
		withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
			p.Show(driver.Display{Sound: s})
			time.Sleep(time.Minute)
			if other, ok := heard[buzzer.String()]; ok {
				t.Errorf("%v sounds like %v: %v", s, other, buzzer)
			}
			heard[buzzer.String()] = s
		})
	}
}

func TestPanelThatFailsSaysSo(t *testing.T) {
	withPanel(t, func(t *testing.T, p *Panel, green, red, buzzer *lamp) {
		if !p.Health().Up {
			t.Fatal("a panel that works is not up")
		}
		red.mu.Lock()
		red.err = errors.New("no such device")
		red.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if h := p.Health(); h.Up || h.Err != "red: no such device" {
			t.Errorf("health = %+v; want down with the reason", h)
		}
		red.mu.Lock()
		red.err = nil
		red.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if !p.Health().Up {
			t.Error("a panel that works again is not up")
		}
	})
}

func TestGPIOOutputIsActiveHigh(t *testing.T) {
	pin := &gpiotest.Pin{N: "green"}
	for _, active := range []bool{true, false} {
		if err := GPIO(pin)(active); err != nil {
			t.Fatal(err)
		}
		if pin.L != gpio.Level(active) {
			t.Errorf("active %v: line is %v", active, pin.L)
		}
	}
}
