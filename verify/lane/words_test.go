package lane

import (
	"slices"
	"testing"
)

// The reasons that a gate can give, and which way out each shows.
var table = []struct {
	reason string
	light  Light
	sound  Sound
	zh, en string
}{
	{"ok", Green, SoundPass, "请通行", "Please pass"},
	{"code_expired", Red, Again, "二维码已过期，请点击“刷新”后重试", "Code out of date: tap Refresh and try again"},
	{"not_yet_valid", Red, Again, "二维码已过期，请点击“刷新”后重试", "Code out of date: tap Refresh and try again"},
	{"liveness_expired", Red, Again, "请在手机上重新进行实人核验", "Verify yourself again on your phone"},
	{"certificate_expired", Red, Again, "证明已失效，请重新申请", "Certificate ended: please apply again"},
	{"already_used", Red, Again, "该二维码已使用，请点击“刷新”", "Code already used: tap Refresh"},
	{"passback", Red, Staff, "已进站，请勿重复进站", "Already inside"},
	{"no_ticket", Red, Staff, "未查到当日车票，请走人工通道", "No ticket for today: staffed lane"},
	{"too_early", Red, Staff, "未到检票时间", "Not boarding yet"},
	{"wrong_station", Red, Staff, "非本站车票", "Not from this station"},
	{"out_of_hours", Red, Staff, "本通道当前不开放", "Lane not open now"},
	{"out_of_touch", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"limit_reached", Red, Staff, "今日次数已达上限", "Daily limit reached"},
	{"not_open", Red, Silent, "本通道当前不开放", "Lane not open now"},
	{"malformed", Red, Again, "无法识别，请出示乘车二维码", "Can't read this code"},
	{"unknown_key", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"bad_signature", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"key_revoked", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"key_not_valid", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"class_not_accepted", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"bad_claims", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"bad_proof", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"revoked", Red, Staff, "请走人工通道", "Please use the staffed lane"},
	{"free_passage", Green, Silent, "请通行", "Please pass"},
	{"out_of_service", Red, Silent, "本通道暂停使用", "Lane closed"},
	{"not_provisioned", Red, Silent, "本闸机尚未配置", "This gate is not set up yet"},
	{"provisioned", Green, SoundPass, "配置完成，正在启动", "Set up: starting"},
	{"other_gate", Red, Staff, "该配置码属于其他闸机", "This code is for another gate"},
	{"provision_expired", Red, Again, "配置码已过期，请重新签发", "Set-up code expired: have a new one made"},
	{"provision_spent", Red, Again, "配置码已使用，请重新签发", "Set-up code used: have a new one made"},
	{"unconfirmed", Red, Again, "请在本机确认签发者", "Confirm the signer at this gate"},
	{"a reason of next year's", Red, Staff, "请走人工通道", "Please use the staffed lane"},
}

func TestEachReasonHasItsLightSoundAndWords(t *testing.T) {
	for _, tt := range table {
		t.Run(tt.reason, func(t *testing.T) {
			got := Say(Occasion{Reason: tt.reason}, Languages())
			want := []Words{{Language: "zh", Text: tt.zh}, {Language: "en", Text: tt.en}}
			if got.Light != tt.light || got.Sound != tt.sound || !slices.Equal(got.Words, want) {
				t.Errorf("Say = %+v; want %v, %v, %v", got, tt.light, tt.sound, want)
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
		{Occasion{Reason: "ok", Check: true}, "核验通过"},
		{Occasion{Reason: "free_passage", Check: true}, "当前无需核验"},
		{Occasion{Reason: "out_of_hours", Opens: "05:30"}, "本通道当前不开放，05:30 开放"},
		{Occasion{Reason: "not_open", Opens: "05:30"}, "本通道当前不开放，05:30 开放"},
		{Occasion{Reason: "already_used", Static: true}, "该证明已使用，请走人工通道"},
	} {
		green := tt.occasion.Reason == "ok" || tt.occasion.Reason == "free_passage"
		if got := Say(tt.occasion, []string{"zh"}); len(got.Words) != 1 || got.Words[0].Text != tt.zh || (got.Light == Green) != green {
			t.Errorf("%+v: %+v; want %s", tt.occasion, got, tt.zh)
		}
	}
}

func TestLanguagesAreInTheOrderConfigured(t *testing.T) {
	got := Say(Occasion{Reason: "ok"}, []string{"en", "zh"}).Words
	if len(got) != 2 || got[0].Text != "Please pass" || got[1].Text != "请通行" {
		t.Errorf("words = %v; want English, then Chinese", got)
	}
}
