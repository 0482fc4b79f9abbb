// Package lane is a lane's law: which code opens it, and what a passenger is shown.
package lane

import (
	"slices"

	"railgate/verify"
)

// Languages are the languages of the words, as BCP 47 tags.
func Languages() []string { return []string{"zh", "en"} }

// Occasion is what a passenger is told: a reason for which a code was granted or
// denied, or a state of the lane, and what changes its words.
type Occasion struct {
	Reason string // a decision's reason, or one of the states below
	Exit   bool   // the lane leads out of the station
	Static bool   // the code is printed on paper: it has no Refresh
	Check  bool   // the lane decides and shows, and opens nothing
	Opens  string // the time of day at which the lane opens again; "": it is not said
}

// The lane's states, beside the decisions' reasons.
const (
	ScreenIdle         = "idle"
	ScreenEmergency    = "emergency"
	ScreenOutOfService = "out_of_service"
	ScreenFree         = "free_passage"
	ScreenDiagnosis    = "diagnosis"
	ScreenOneByOne     = "one_by_one" // someone crossed without a grant
	ScreenNotOpen      = "not_open"   // it is outside the lane's hours

	ScreenNotProvisioned = "not_provisioned" // it is no station's yet
)

// message is one line of the table: what a passenger sees, hears and reads.
type message struct {
	light  Light
	sound  Sound
	zh, en string
}

// find is the table. A reason that it does not know sends the passenger to the
// staffed lane: never a red light without a word.
func find(o Occasion) message {
	switch o.Reason {
	case "ok":
		if o.Check {
			return message{Green, SoundPass, "核验通过", "Identity verified"}
		}
		return message{Green, SoundPass, "请通行", "Please pass"}
	case "code_expired", "not_yet_valid":
		return message{Red, Again, "二维码已过期，请点击“刷新”后重试", "Code out of date: tap Refresh and try again"}
	case "liveness_expired":
		return message{Red, Again, "请在手机上重新进行实人核验", "Verify yourself again on your phone"}
	case "certificate_expired":
		if o.Exit {
			return message{Red, Staff, "证明已失效，请重新申请或走人工通道", "Certificate ended: apply again or use the staffed lane"}
		}
		return message{Red, Again, "证明已失效，请重新申请", "Certificate ended: please apply again"}
	case "already_used":
		if o.Static {
			return message{Red, Staff, "该证明已使用，请走人工通道", "Certificate already used: staffed lane"}
		}
		return message{Red, Again, "该二维码已使用，请点击“刷新”", "Code already used: tap Refresh"}
	case "passback":
		if o.Exit {
			return message{Red, Staff, "未查到进站记录，请走人工通道", "No entry on record: staffed lane"}
		}
		return message{Red, Staff, "已进站，请勿重复进站", "Already inside"}
	case "no_ticket":
		return message{Red, Staff, "未查到当日车票，请走人工通道", "No ticket for today: staffed lane"}
	case "too_early":
		return message{Red, Staff, "未到检票时间", "Not boarding yet"}
	case "wrong_station":
		return message{Red, Staff, "非本站车票", "Not from this station"}
	case "out_of_hours":
		return notOpen(o, Staff)
	case ScreenNotOpen:
		return notOpen(o, Silent)
	case "limit_reached":
		return message{Red, Staff, "今日次数已达上限", "Daily limit reached"}
	case "malformed":
		return message{Red, Again, "无法识别，请出示乘车二维码", "Can't read this code"}
	case ScreenOutOfService:
		return message{Red, Silent, "本通道暂停使用", "Lane closed"}
	case ScreenIdle:
		return message{Dark, Silent, "请将二维码对准扫描口", "Hold your code to the reader"}
	case ScreenEmergency:
		return message{Green, Silent, "紧急疏散，请由此离开", "Emergency: leave this way"}
	case ScreenFree:
		if o.Check {
			return message{Green, Silent, "当前无需核验", "No check needed now"}
		}
		return message{Green, Silent, "请通行", "Please pass"}
	case ScreenDiagnosis:
		return message{Red, Silent, "检修中，请走其他通道", "Maintenance: please use another lane"}
	case ScreenOneByOne:
		return message{Red, Alarm, "请逐一通行", "One person at a time, please"}
	}
	if m, ok := provisionWords[o.Reason]; ok {
		return m
	}
	return message{Red, Staff, "请走人工通道", "Please use the staffed lane"}
}

// What a technician is told while a gate is provisioned, beside the reasons of verify's RGP1.
const (
	TellProvisioned = "provisioned"      // the gate begins with what it was told
	TellBadCode     = "bad_provision"    // the code is damaged, or nobody signed it
	TellContradicts = "settings_refused" // the gate's own file does not go with it
	TellNotStored   = "not_stored"       // the disk does not take it
)

var provisionWords = map[string]message{
	ScreenNotProvisioned:            {Red, Silent, "本闸机尚未配置", "This gate is not set up yet"},
	TellProvisioned:                 {Green, SoundPass, "配置完成，正在启动", "Set up: starting"},
	TellBadCode:                     {Red, Again, "配置码无法识别", "Can't read this set-up code"},
	TellContradicts:                 {Red, Staff, "配置与本机文件冲突", "The set-up contradicts this gate's file"},
	TellNotStored:                   {Red, Staff, "无法保存，请检查存储卡", "Not saved: check the card"},
	string(verify.OtherGate):        {Red, Staff, "该配置码属于其他闸机", "This code is for another gate"},
	string(verify.UnknownSigner):    {Red, Staff, "配置码签发者不受信任", "This code's signer is not known"},
	string(verify.ProvisionExpired): {Red, Again, "配置码已过期，请重新签发", "Set-up code expired: have a new one made"},
	string(verify.ProvisionSpent):   {Red, Again, "配置码已使用，请重新签发", "Set-up code used: have a new one made"},
	string(verify.Superseded):       {Red, Again, "配置码已被更新，请用最新的", "An older set-up code: use the newest"},
	string(verify.Unconfirmed):      {Red, Again, "请在本机确认签发者", "Confirm the signer at this gate"},
	string(verify.InService):        {Red, Staff, "本闸机已配置", "This gate is set up already"},
}

// notOpen is a lane outside its hours: to whoever shows a code, and at rest.
func notOpen(o Occasion, sound Sound) message {
	m := message{Red, sound, "本通道当前不开放", "Lane not open now"}
	if o.Opens != "" {
		m.zh, m.en = m.zh+"，"+o.Opens+" 开放", m.en+": opens at "+o.Opens
	}
	return m
}

// Light is the colour that a passenger sees.
type Light string

const (
	Dark  Light = "dark"
	Green Light = "green"
	Red   Light = "red"
)

// Sound is one for each kind of answer, so that it can be told with closed eyes.
type Sound string

const (
	Silent    Sound = "silent"
	SoundPass Sound = "pass"  // walk
	Again     Sound = "again" // the passenger can mend it on the phone
	Staff     Sound = "staff" // go to the staffed lane
	Alarm     Sound = "alarm" // someone crossed without a grant
)

// Words are one message in one language.
type Words struct {
	Language string `json:"language"` // BCP 47: zh, en
	Text     string `json:"text"`
}

// A Message is what a passenger sees, hears and reads.
type Message struct {
	Light Light
	Sound Sound
	Words []Words // in the order of the languages asked for
}

// Say is the message for an occasion.
func Say(o Occasion, languages []string) Message {
	m := find(o)
	out := Message{Light: m.light, Sound: m.sound}
	for _, language := range languages {
		text := m.en
		if language == "zh" {
			text = m.zh
		}
		if slices.Contains(Languages(), language) {
			out.Words = append(out.Words, Words{Language: language, Text: text})
		}
	}
	return out
}
