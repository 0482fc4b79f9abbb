package office

// A Reason is why something is denied, in the words of the interface.
type Reason string

const (
	Incomplete       Reason = "incomplete"
	NotResidentCard  Reason = "not_resident_card"
	BadNumber        Reason = "bad_number"
	NotConfirmed     Reason = "not_confirmed"
	NoLocation       Reason = "no_location"
	NoPosition       Reason = "no_position"
	LocatingTimedOut Reason = "locating_timed_out"
	CheckFailed      Reason = "check_failed"
	CheckTimedOut    Reason = "check_timed_out"
	CheckCancelled   Reason = "check_cancelled"
	CheckStale       Reason = "check_stale"
	CheckMismatch    Reason = "check_mismatch"
	GuardianMismatch Reason = "guardian_mismatch"
	CheckNotAlive    Reason = "check_not_alive"
	CheckUnavailable Reason = "check_unavailable"
	CheckTooMany     Reason = "check_too_many"
	CheckNotTaken    Reason = "check_not_taken"
	NoCheck          Reason = "no_check"
	MonthlyLimit     Reason = "monthly_limit"
	StillValid       Reason = "still_valid"
	LivenessDue      Reason = "liveness_due"
	VerifyAgain      Reason = "verify_again"
	SessionEnded     Reason = "session_ended"
	SignInOver       Reason = "sign_in_over"
	CertificateEnded Reason = "certificate_ended"
	NoCertificate    Reason = "no_certificate"
	DetailsDiffer    Reason = "details_differ"
	NotVerified      Reason = "not_verified"
	SignedOut        Reason = "signed_out"
	WrongPassword    Reason = "wrong_password"
	AccountTaken     Reason = "account_taken"
	BadAccount       Reason = "bad_account"
	BadJourney       Reason = "bad_journey"
	SlipValid        Reason = "slip_valid"
	ElectronicValid  Reason = "electronic_valid"
	BadDocument      Reason = "bad_document_number"
	SlipOver         Reason = "slip_over"
	NotYourSlip      Reason = "not_your_slip"
	TooLateToCancel  Reason = "too_late_to_cancel"
	NoSuchSlip       Reason = "no_such_slip"
	TooMany          Reason = "too_many"
	Broken           Reason = "broken"

	NotGuardian       Reason = "not_guardian"
	NotCompanion      Reason = "not_companion"
	CompanionKnown    Reason = "companion_known"
	TooManyCompanions Reason = "too_many_companions"
	NoCompanion       Reason = "no_companion"
	NoCardYet         Reason = "no_card_yet"
	HeldByAnother     Reason = "held_by_another"

	StaffSignInDue Reason = "staff_sign_in_due"
	NoStaffKey     Reason = "no_staff_key"
)

// A Denial is a reason in words, with what to do about it; Chinese first.
type Denial struct {
	Reason    Reason `json:"reason"`
	Rule      string `json:"rule,omitempty"` // where one says so
	Chinese   string `json:"zh"`
	English   string `json:"en"`
	Do        string `json:"do_zh"` // what to do
	DoEnglish string `json:"do_en"`
	Next      string `json:"next,omitempty"` // the step that helps: apply, view, locate, check, recheck, window, form, signin; at the window: list, told
}

// denials says each reason in words.
var denials = map[Reason]Denial{
	Incomplete: {Rule: "R1", Chinese: "请填写姓名和证件号码", English: "Enter your name and document number",
		Do: "姓名须与身份证一致", DoEnglish: "Write the name as it is on the card", Next: "form"},
	NotResidentCard: {Rule: "R2", Chinese: "仅支持居民身份证申请", English: "Only a resident identity card is accepted",
		Do: "请持有效证件原件，到车站人工售票窗口或公安制证窗口办理", DoEnglish: "Take your valid document to a staffed ticket window or the police window at the station", Next: "window"},
	BadNumber: {Rule: "R2", Chinese: "身份证号码有误", English: "This identity card number is not valid",
		Do: "请核对18位号码后重新填写", DoEnglish: "Check all 18 characters and try again", Next: "form"},
	NotConfirmed: {Rule: "R12", Chinese: "请确认本人办理", English: "Confirm that you are applying for yourself",
		Do: "须填写本人真实信息并勾选确认", DoEnglish: "Enter your own details and tick the box", Next: "form"},
	NoLocation: {Rule: "R3", Chinese: "未获得定位授权，无法申请", English: "Your location is needed to apply",
		Do: "请允许使用位置信息，然后重新定位", DoEnglish: "Allow access to your location, then locate again", Next: "locate"},
	NoPosition: {Rule: "R3", Chinese: "无法确定位置，暂不能申请", English: "Your phone cannot tell where it is",
		Do: "请打开手机定位服务，到开阔处或连接网络后重新定位", DoEnglish: "Turn on location services, go where there is a signal, then locate again", Next: "locate"},
	LocatingTimedOut: {Rule: "R3", Chinese: "定位超时", English: "Locating took too long",
		Do: "请稍候，到信号较好处重新定位", DoEnglish: "Go where the signal is better, then locate again", Next: "locate"},
	CheckFailed: {Rule: "R4", Chinese: "实人核验未通过", English: "The real-person check did not pass",
		Do: "请在光线充足处正对屏幕重试；多次未通过请到车站公安制证窗口", DoEnglish: "Try again in good light, facing the screen. If it still fails, go to the police window at the station", Next: "check"},
	CheckTimedOut: {Rule: "R4", Chinese: "实人核验超时", English: "The real-person check timed out",
		Do: "请检查网络后重试；仍不成功请到车站公安制证窗口", DoEnglish: "Check your connection and try again. If it still fails, go to the police window at the station", Next: "check"},
	CheckCancelled: {Rule: "R4", Chinese: "实人核验未完成", English: "The real-person check was not finished",
		Do: "请重新核验；需要帮助请到车站公安制证窗口", DoEnglish: "Verify yourself again. If you need help, go to the police window at the station", Next: "check"},
	CheckStale: {Rule: "R4", Chinese: "页面停留过久，请重新开始", English: "This page has been open too long: please start again",
		Do: "请重新提交", DoEnglish: "Submit the form again", Next: "form"},
	CheckMismatch: {Rule: "R4", Chinese: "核验的不是填写的本人", English: "The person who was checked is not the person on the form",
		Do: "请填写本人的姓名和身份证号码，并由本人核验", DoEnglish: "Enter your own name and number, and be checked yourself", Next: "form"},
	GuardianMismatch: {Rule: "R21", Chinese: "核验的不是监护人本人", English: "The person who was checked is not the guardian",
		Do: "为同行人办理须由监护人本人核验，请重新提交", DoEnglish: "For a companion the account's own person is checked: submit again, and be checked yourself", Next: "form"},
	CheckNotAlive: {Rule: "R4", Chinese: "未能确认本人面容", English: "The check did not see a living face",
		Do: "请摘下口罩、帽子，在光线充足处重新核验；仍不成功请到车站公安制证窗口", DoEnglish: "Take off mask and hat and try again in good light. If it still fails, go to the police window at the station", Next: "check"},
	CheckUnavailable: {Rule: "R4", Chinese: "实人核验服务暂不可用", English: "The real-person check is unavailable just now",
		Do: "请稍后重试；急需乘车请到车站公安制证窗口", DoEnglish: "Try again in a few minutes. If your train leaves soon, go to the police window at the station", Next: "check"},
	CheckTooMany: {Rule: "R4", Chinese: "核验失败次数过多", English: "Too many checks of this person did not pass",
		Do: "请一小时后再试，或到车站公安制证窗口办理纸质临时身份证明", DoEnglish: "Try again in an hour, or go to the police window at the station for a paper certificate", Next: "window"},
	CheckNotTaken: {Rule: "R4", Chinese: "核验结果无法确认", English: "The result of the check cannot be trusted",
		Do: "请重新核验；仍不成功请到车站公安制证窗口", DoEnglish: "Verify yourself again. If it still fails, go to the police window at the station", Next: "check"},
	NoCheck: {Rule: "R16", Chinese: "暂不能在线核验本人", English: "Online verification is unavailable",
		Do: "请到车站公安制证窗口办理纸质临时身份证明", DoEnglish: "Go to the police window at the station for a paper certificate", Next: "window"},
	MonthlyLimit: {Rule: "R6", Chinese: "本月已申请3次，无法再次申请", English: "3 applications this month: next application from the 1st of next month",
		Do: "请到车站公安制证窗口办理纸质临时身份证明", DoEnglish: "Go to the police window at the station for a paper certificate", Next: "window"},
	StillValid: {Rule: "R7", Chinese: "您已有有效的电子临时身份证明", English: "You already have a valid certificate",
		Do: "请直接查看；失效前3小时内可重新申请", DoEnglish: "View it. You can apply again in its last 3 hours", Next: "view"},
	LivenessDue: {Rule: "R9", Chinese: "请重新进行实人核验", English: "Verify yourself again",
		Do: "距上次核验已满30分钟，核验后显示二维码", DoEnglish: "30 minutes have passed since the last check. The code is shown once you are verified", Next: "recheck"},
	VerifyAgain: {Rule: "R10", Chinese: "请核验本人后查看", English: "Verify yourself to view the certificate",
		Do: "关闭页面、退出登录或清除数据后须重新核验，不占用申请次数", DoEnglish: "This is needed after closing the page, signing out or clearing data. It does not count as an application", Next: "view"},
	SessionEnded: {Rule: "R10", Chinese: "您已退出登录", English: "You are signed out",
		Do: "请重新登录，核验本人后查看", DoEnglish: "Sign in again, then verify yourself to view the certificate", Next: "signin"},
	SignInOver: {Rule: "R10", Chinese: "登录已过期", English: "Your sign-in is over: it lasts 30 days",
		Do: "请重新登录，核验本人后查看；证明仍然有效，不占用申请次数", DoEnglish: "Sign in again, then verify yourself to view the certificate. It stays valid, and this is not an application", Next: "signin"},
	CertificateEnded: {Rule: "R15", Chinese: "证明已失效", English: "Certificate ended",
		Do: "请重新申请或走人工通道", DoEnglish: "Apply again or use the staffed lane", Next: "apply"},
	NoCertificate: {Chinese: "没有有效的电子临时身份证明", English: "You have no valid certificate",
		Do: "请先申请", DoEnglish: "Apply first", Next: "apply"},
	DetailsDiffer: {Rule: "R12", Chinese: "姓名与证件号码不一致", English: "The name does not match the number",
		Do: "请填写本人真实信息", DoEnglish: "Enter your own details as they are on the card", Next: "form"},
	NotGuardian: {Rule: "R21", Chinese: "请确认您是监护人或受托人", English: "Confirm that you are the guardian, or act with the person's consent",
		Do: "核对信息后勾选确认", DoEnglish: "Check the details and tick the box", Next: "companions"},
	NotCompanion: {Rule: "R21", Chinese: "18至59岁的旅客须本人办理", English: "A traveller of 18 to 59 years applies with their own phone",
		Do: "同行人限未成年人和60岁以上老人；没有手机的请到车站公安制证窗口", DoEnglish: "Companions are children and people of 60 or over. Without a phone, go to the police window at the station", Next: "window"},
	CompanionKnown: {Rule: "R21", Chinese: "该旅客已在列表中", English: "This person is on your list already",
		Do: "请直接选择", DoEnglish: "Choose the person there", Next: "companions"},
	TooManyCompanions: {Rule: "R21", Chinese: "最多添加5位同行人", English: "You can add up to 5 people",
		Do: "请先移除不再同行的旅客", DoEnglish: "Remove somebody first", Next: "companions"},
	StaffSignInDue: {Rule: "R24", Chinese: "请重新登录", English: "Sign in again",
		Do: "登录满30分钟，重新登录后显示员工码", DoEnglish: "30 minutes have passed since you signed in", Next: "signin"},
	NoStaffKey: {Rule: "R24", Chinese: "暂不能签发员工码", English: "Staff codes are not available here",
		Do: "请联系系统管理员：缺少员工码密钥", DoEnglish: "Ask whoever runs this service: it has no key for staff codes"},
	HeldByAnother: {Rule: "R21", Chinese: "该旅客的证明由本人或其他监护人申请", English: "This person's certificate was applied for by the person, or by another guardian",
		Do: "请由申请人出示；失效前3小时内可重新申请", DoEnglish: "Whoever applied shows it. You can apply in its last 3 hours", Next: "companions"},
	NoCompanion: {Rule: "R21", Chinese: "该旅客已不在列表中", English: "This person is no longer on your list",
		Do: "请重新添加", DoEnglish: "Add the person again", Next: "companions"},
	NoCardYet: {Rule: "R23", Chinese: "没有身份证的婴幼儿不能在线申请", English: "An infant without an identity card cannot apply here",
		Do: "请携带户口簿或出生医学证明，到车站公安制证窗口办理", DoEnglish: "Take the household register or the birth certificate to the police window at the station", Next: "window"},
	NotVerified: {Rule: "R11", Chinese: "请先核验本人", English: "Verify yourself first",
		Do: "核验本人后可查看最近一个月的申请记录，不占用申请次数", DoEnglish: "Once you are verified you can see the applications of the last month. It does not count as an application", Next: "view"},
	SignedOut: {Rule: "R11", Chinese: "请先登录", English: "Sign in first",
		Do: "登录后可查看最近一个月的申请记录", DoEnglish: "Signed-in users can see the applications of the last month", Next: "signin"},
	WrongPassword: {Chinese: "账号或密码错误", English: "Wrong account or password",
		Do: "请重新输入", DoEnglish: "Try again", Next: "signin"},
	AccountTaken: {Chinese: "该账号已被使用", English: "This account name is taken",
		Do: "请换一个账号，或直接登录", DoEnglish: "Choose another, or sign in", Next: "signin"},
	BadAccount: {Chinese: "账号或密码不符合要求", English: "This account or password is not accepted",
		Do: "账号3至32位字母或数字，密码至少8位", DoEnglish: "Use 3 to 32 letters or digits for the account and at least 8 characters for the password", Next: "signin"},
	BadJourney: {Rule: "R17", Chinese: "车次、日期或车站有误", English: "Train, day or stations are not valid",
		Do: "日期限今天或明天；车次如G1234；出发站与到达站不同", DoEnglish: "The day is today or tomorrow, a train is like G1234, and the two stations differ", Next: "form"},
	SlipValid: {Rule: "R18", Chinese: "此人已有有效的纸质证明", English: "This person has a paper certificate that is valid",
		Do: "请补打该证明；遗失的，先吊销再重新开具", DoEnglish: "Print it again. If it is lost, revoke it first, then issue another", Next: "list"},
	ElectronicValid: {Rule: "R18", Chinese: "此人的电子证明仍然有效", English: "This person has an electronic certificate that is valid",
		Do: "手机可用的，请直接使用；手机不可用的，可仍然开具；手机丢失的，请按证件号码查找后吊销", DoEnglish: "If the phone works, it can be used. If it does not, you can issue a paper certificate all the same. If it is lost, find the person by the document and revoke it", Next: "told"},
	BadDocument: {Rule: "R17", Chinese: "证件号码有误", English: "This document number is not valid",
		Do: "请核对：1至30位，限字母、数字、括号、斜线和连字符", DoEnglish: "Check it: 1 to 30 letters, digits, brackets, slashes or hyphens", Next: "form"},
	SlipOver: {Rule: "R20", Chinese: "该证明已失效", English: "This certificate is no longer valid",
		Do: "需要的，请重新开具", DoEnglish: "Issue another if it is needed", Next: "list"},
	NotYourSlip: {Rule: "R20", Chinese: "该证明由其他民警开具", English: "Another officer issued this certificate",
		Do: "请由开具人或带班民警办理", DoEnglish: "That officer or the officer in charge can do this", Next: "list"},
	TooLateToCancel: {Rule: "R20", Chinese: "开具已满30分钟，不能作废", English: "It was issued more than 30 minutes ago and cannot be cancelled",
		Do: "请改为吊销", DoEnglish: "Revoke it instead", Next: "list"},
	NoSuchSlip: {Chinese: "查无此证明", English: "There is no such paper certificate",
		Do: "请核对编号，至少8位", DoEnglish: "Check the number: at least 8 of its characters", Next: "list"},
	TooMany: {Chinese: "操作过于频繁", English: "Too many attempts",
		Do: "请稍候再试", DoEnglish: "Wait a moment, then try again"},
	Broken: {Chinese: "系统繁忙", English: "The service is busy",
		Do: "请稍后再试，或到车站公安制证窗口", DoEnglish: "Try again later, or go to the police window at the station", Next: "window"},
}

// Words is a reason with its words.
func (r Reason) Words() Denial {
	d := denials[r]
	d.Reason = r
	return d
}
