package panel

import (
	"slices"
	"time"

	"railgate/driver"
)

// Languages are the languages that a panel can speak, as BCP 47 tags.
func Languages() []string { return []string{"zh", "en"} }

// Occasion is what a panel is asked to tell: a reason for which a code was
// granted or denied, or a state of the lane, and what changes its words.
type Occasion struct {
	Reason string // a decision's reason, or one of the states below
	Exit   bool   // the lane leads out of the station
	Static bool   // the code is printed on paper: it has no Refresh
}

// The lane's states, beside the decisions' reasons.
const (
	Idle         = "idle"
	Emergency    = "emergency"
	OutOfService = "out_of_service"
	FreePassage  = "free_passage"
	Diagnosis    = "diagnosis"
	OneByOne     = "one_by_one" // someone passed whom nobody let through
)

// message is one line of the table: what a passenger sees, hears and reads.
type message struct {
	light  driver.Light
	sound  driver.Sound
	zh, en string
}

// find is the table. A reason that it does not know sends the passenger to the
// staffed lane: never a red light without a word.
func find(o Occasion) message {
	switch o.Reason {
	case "ok":
		return message{driver.Green, driver.Pass, "请通行", "Please pass"}
	case "code_expired", "not_yet_valid":
		return message{driver.Red, driver.Again, "二维码已过期，请点击“刷新”后重试", "Code out of date: tap Refresh and try again"}
	case "liveness_expired":
		return message{driver.Red, driver.Again, "请在手机上重新进行实人核验", "Verify yourself again on your phone"}
	case "certificate_expired":
		if o.Exit {
			return message{driver.Red, driver.Staff, "证明已失效，请重新申请或走人工通道", "Certificate ended: apply again or use the staffed lane"}
		}
		return message{driver.Red, driver.Again, "证明已失效，请重新申请", "Certificate ended: please apply again"}
	case "already_used":
		if o.Static {
			return message{driver.Red, driver.Staff, "该证明已使用，请走人工通道", "Certificate already used: staffed lane"}
		}
		return message{driver.Red, driver.Again, "该二维码已使用，请点击“刷新”", "Code already used: tap Refresh"}
	case "passback":
		if o.Exit {
			return message{driver.Red, driver.Staff, "未查到进站记录，请走人工通道", "No entry on record: staffed lane"}
		}
		return message{driver.Red, driver.Staff, "已进站，请勿重复进站", "Already inside"}
	case "no_ticket":
		return message{driver.Red, driver.Staff, "未查到当日车票，请走人工通道", "No ticket for today: staffed lane"}
	case "too_early":
		return message{driver.Red, driver.Staff, "未到检票时间", "Not boarding yet"}
	case "wrong_station":
		return message{driver.Red, driver.Staff, "非本站车票", "Not from this station"}
	case "malformed":
		return message{driver.Red, driver.Again, "无法识别，请出示乘车二维码", "Can't read this code"}
	case OutOfService:
		return message{driver.Red, driver.Silent, "本通道暂停使用", "Lane closed"}
	case Idle:
		return message{driver.Dark, driver.Silent, "请将二维码对准扫描口", "Hold your code to the reader"}
	case Emergency:
		return message{driver.Green, driver.Silent, "紧急疏散，请由此离开", "Emergency: leave this way"}
	case FreePassage:
		return message{driver.Green, driver.Silent, "请通行", "Please pass"}
	case Diagnosis:
		return message{driver.Red, driver.Silent, "检修中，请走其他通道", "Maintenance: please use another lane"}
	case OneByOne:
		return message{driver.Red, driver.Alarm, "请逐一通行", "One person at a time, please"}
	}
	return message{driver.Red, driver.Staff, "请走人工通道", "Please use the staffed lane"}
}

// For is what a panel shows on an occasion, for a while; 0: until the next.
func For(o Occasion, languages []string, d time.Duration) driver.Display {
	m := find(o)
	display := driver.Display{Light: m.light, Sound: m.sound, For: d}
	for _, language := range languages {
		text := m.en
		if language == "zh" {
			text = m.zh
		}
		if slices.Contains(Languages(), language) {
			display.Words = append(display.Words, driver.Words{Language: language, Text: text})
		}
	}
	return display
}
