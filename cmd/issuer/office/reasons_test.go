package office

import "testing"

// Each denial names its rule, where one says so, and the step that helps.
func TestEachDenialHasItsRuleAndItsNextStep(t *testing.T) {
	rows := map[Reason][2]string{
		Incomplete:        {"R1", "form"},
		NotResidentCard:   {"R2", "window"},
		BadNumber:         {"R2", "form"},
		BadDocument:       {"R17", "form"},
		NoLocation:        {"R3", "locate"},
		NoPosition:        {"R3", "locate"},
		LocatingTimedOut:  {"R3", "locate"},
		CheckFailed:       {"R4", "check"},
		CheckTimedOut:     {"R4", "check"},
		CheckCancelled:    {"R4", "check"},
		CheckStale:        {"R4", "form"},
		CheckMismatch:     {"R4", "form"},
		GuardianMismatch:  {"R21", "form"},
		CheckNotAlive:     {"R4", "check"},
		CheckUnavailable:  {"R4", "check"},
		CheckTooMany:      {"R4", "window"},
		CheckNotTaken:     {"R4", "check"},
		MonthlyLimit:      {"R6", "window"},
		StillValid:        {"R7", "view"},
		LivenessDue:       {"R9", "recheck"},
		VerifyAgain:       {"R10", "view"},
		SessionEnded:      {"R10", "signin"},
		SignInOver:        {"R10", "signin"},
		NotVerified:       {"R11", "view"},
		SignedOut:         {"R11", "signin"},
		NotConfirmed:      {"R12", "form"},
		DetailsDiffer:     {"R12", "form"},
		CertificateEnded:  {"R15", "apply"},
		NoCheck:           {"R16", "window"},
		BadJourney:        {"R17", "form"},
		SlipValid:         {"R18", "list"},
		ElectronicValid:   {"R18", "told"},
		SlipOver:          {"R20", "list"},
		NotYourSlip:       {"R20", "list"},
		TooLateToCancel:   {"R20", "list"},
		NoSuchSlip:        {"", "list"},
		NotGuardian:       {"R21", "companions"},
		NotCompanion:      {"R21", "window"},
		CompanionKnown:    {"R21", "companions"},
		TooManyCompanions: {"R21", "companions"},
		NoCompanion:       {"R21", "companions"},
		HeldByAnother:     {"R21", "companions"},
		NoCardYet:         {"R23", "window"},
		StaffSignInDue:    {"R24", "signin"},
		NoStaffKey:        {"R24", ""},
		NoCertificate:     {"", "apply"},
		WrongPassword:     {"", "signin"},
		AccountTaken:      {"", "signin"},
		BadAccount:        {"", "signin"},
		TooMany:           {"", ""},
		Broken:            {"", "window"},
	}
	if len(rows) != len(denials) {
		t.Errorf("%d reasons here, %d denials", len(rows), len(denials))
	}
	for r, want := range rows {
		if d := r.Words(); d.Reason != r || d.Rule != want[0] || d.Next != want[1] {
			t.Errorf("%s: rule %q, next %q; want %q, %q", r, d.Rule, d.Next, want[0], want[1])
		}
	}
}
