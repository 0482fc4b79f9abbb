package signin

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// words are what is said to somebody who does not get in, Chinese first. Their JSON is that of
// the issuer's other denials.
type words struct {
	Reason    string `json:"reason"`
	Chinese   string `json:"zh"`
	English   string `json:"en"`
	Do        string `json:"do_zh"`
	DoEnglish string `json:"do_en"`
	Back      string `json:"-"`                // the path that was asked for
	SignIn    string `json:"signin,omitempty"` // where one signs in
}

var (
	notSignedIn = words{Reason: "sign_in", Chinese: "请先登录", English: "Sign in first", Do: "请用工作账号登录", DoEnglish: "Sign in with your work account"}
	noRole      = words{Reason: "no_role", Chinese: "您没有此项权限", English: "Your account may not do this", Do: "请换一个账号登录，或联系管理员", DoEnglish: "Sign in with another account, or ask whoever manages the accounts"}
	noProvider  = words{Reason: "no_provider", Chinese: "未连接身份认证服务", English: "No identity provider is connected", Do: "连接后才能登录，请联系管理员", DoEnglish: "People can sign in once one is connected: ask whoever runs this service"}
	unavailable = words{Reason: "provider_unavailable", Chinese: "身份认证服务暂不可用", English: "The identity provider is unavailable", Do: "请稍后再试", DoEnglish: "Try again later"}
	stale       = words{Reason: "sign_in_stale", Chinese: "登录已超时", English: "Signing in took too long, or was begun in another browser", Do: "请重新登录", DoEnglish: "Sign in again"}
	notEnded    = words{Reason: "not_ended", Chinese: "已退出，但已发出的码未能失效", English: "You are signed out, but what was given out goes on", Do: "请联系系统管理员", DoEnglish: "Tell whoever runs this service"}
	refused     = words{Reason: "sign_in_refused", Chinese: "登录未成功", English: "Signing in did not succeed", Do: "请重新登录；仍不成功请联系管理员", DoEnglish: "Sign in again. If it still fails, ask whoever manages the accounts"}
)

func (w words) backTo(path string) words {
	w.Back = path
	return w
}

// isPage tells whether a browser asks for a page, and not a script for data.
func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

//go:embed refused.html
var refusedText string

var refusedPage = template.Must(template.New("refused").Parse(refusedText))

//go:embed signin.css
var styleText []byte

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(styleText)
}

// refuse says why somebody does not get in, as a page or as JSON.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, status int, why words) {
	if why.Back == "" {
		why.Back = r.URL.RequestURI()
	}
	if g.provider != nil {
		why.SignIn = g.startURL(why.Back)
	}
	if !isPage(r) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]words{"denied": why}) // who is gone asks again
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	refusedPage.Execute(w, struct {
		words
		Page string
	}{why, g.page}) // who is gone asks again
}

// ownPath is a path of this server: a text that leads anywhere else becomes "/". What a
// browser makes of two slashes or a backslash is another server's name.
func ownPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || strings.Contains(text, `\`) || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") {
		return "/"
	}
	clean := path.Clean(u.Path)
	if strings.HasSuffix(u.Path, "/") && clean != "/" {
		clean += "/"
	}
	if strings.HasPrefix(clean, "/signin/") {
		return "/"
	}
	return (&url.URL{Path: clean, RawQuery: u.RawQuery}).String()
}
