package counter

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// A problem is why a request was not answered (RFC 9457). A denied code is none: it is an
// answer.
type problem struct {
	Type    string `json:"type"` // /v1/problems/NAME, which says what to do
	Title   string `json:"title"`
	Chinese string `json:"zh"`
	Status  int    `json:"status"`
	Detail  string `json:"detail,omitempty"`

	do        string        // what to do
	challenge string        // WWW-Authenticate
	after     time.Duration // Retry-After
	allow     string        // Allow
}

func (p problem) Error() string { return p.Title }

// problems are all of them, by name.
var problems = map[string]problem{
	"bad_request": {Status: http.StatusBadRequest, Title: "The request is not understood", Chinese: "请求有误",
		do: "Send one JSON object with the members code and purpose, as /v1/openapi.yaml describes it."},
	"unauthorized": {Status: http.StatusUnauthorized, Title: "Sign in, or send a token", Chinese: "请先登录",
		do: "A ticketing system gets a token at /oauth/token and sends it as Authorization: Bearer. A person signs in at /counter/."},
	"invalid_token": {Status: http.StatusUnauthorized, Title: "The token is not valid", Chinese: "令牌无效",
		do: "Ask /oauth/token for a new one. Tokens last 5 minutes and end when the issuer starts again or the client gets another secret."},
	"insufficient_scope": {Status: http.StatusForbidden, Title: "The token does not have the scope resolve", Chinese: "令牌缺少 resolve 权限",
		do: "Ask for a token with the scope resolve. If the client has none, whoever runs the issuer can give it one."},
	"purpose_not_allowed": {Status: http.StatusForbidden, Title: "This purpose is not yours", Chinese: "无权用于此用途",
		do: "Name a purpose that the client, or the person's role, has. Whoever runs the issuer can give it another."},
	"not_staff": {Status: http.StatusForbidden, Title: "Clerks and conductors only", Chinese: "仅限售票员和列车员",
		do: "Sign in as somebody who has the role clerk or conductor."},
	"cross_site": {Status: http.StatusForbidden, Title: "Another site's page may not ask", Chinese: "不接受其他网站的请求",
		do: "Ask from a server, or from the issuer's own page."},
	"not_found": {Status: http.StatusNotFound, Title: "There is nothing here", Chinese: "没有此接口",
		do: "/v1/openapi.yaml names what is here."},
	"method_not_allowed": {Status: http.StatusMethodNotAllowed, Title: "Not with this method", Chinese: "不支持此方法",
		do: "The header Allow names the method."},
	"too_large": {Status: http.StatusRequestEntityTooLarge, Title: "The request is too large", Chinese: "请求过大",
		do: "A request has 16 KB at most."},
	"unsupported_media_type": {Status: http.StatusUnsupportedMediaType, Title: "Not this type of content", Chinese: "内容类型有误",
		do: "Look-ups are application/json, requests for tokens application/x-www-form-urlencoded."},
	"too_many": {Status: http.StatusTooManyRequests, Title: "Too many requests", Chinese: "操作过于频繁",
		do: "Wait for as many seconds as the header Retry-After says. Each client has its limits by the minute and by the day."},
	"no_record": {Status: http.StatusServiceUnavailable, Title: "The look-up cannot be recorded", Chinese: "无法记录查询，请稍后再试",
		do: "Try again. Without a record nothing is told. Whoever runs the issuer finds the cause in its log."},
	"broken": {Status: http.StatusInternalServerError, Title: "The service is busy", Chinese: "系统繁忙，请稍后再试",
		do: "Try again. Whoever runs the issuer finds the cause in its log."},
}

const problemPath = "/v1/problems/"

// because is a problem by its name; detail says more, and "" nothing.
func because(name, detail string) problem {
	p, ok := problems[name]
	if !ok {
		name, p = "broken", problems["broken"]
	}
	p.Type, p.Detail = problemPath+name, detail
	return p
}

// refuse writes an error as a problem. What is none is for the log.
func (c *Counter) refuse(rw http.ResponseWriter, err error) {
	var p problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
	case errors.As(err, &large):
		p = because("too_large", "")
	default:
		c.log.Error("a look-up failed", "err", err)
		p = because("broken", "")
	}
	h := rw.Header()
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.after+time.Second-1)/time.Second)))
	}
	write(rw, p.Status, "application/problem+json", p)
}

func write(rw http.ResponseWriter, status int, contentType string, v any) {
	rw.Header().Set("Content-Type", contentType)
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(v) // who is gone asks again
}

// getProblem says what a problem is and what to do about it.
func (c *Counter) getProblem(rw http.ResponseWriter, r *http.Request) {
	p, ok := problems[r.PathValue("name")]
	if !ok {
		c.refuse(rw, because("not_found", ""))
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Write([]byte(p.Chinese + "\n" + p.Title + "\n\n" + p.do + "\n"))
}
