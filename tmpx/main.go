package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"
	"sync"

	"railgate/driver/eye"
	"railgate/driver/eye/frames"
)

func main() {
	// tmpx N [prefix...] counts; tmpx dump prefix.. writes montage
	if os.Args[1] == "dump" {
		var tiles []*image.Gray
		for _, c := range frames.Conditions() {
			if !match(c.Name, os.Args[2:]) {
				continue
			}
			s := c.Strengths[len(c.Strengths)/2]
			tiles = append(tiles, c.Frame(1, s, 0).Image)
		}
		out := image.NewGray(image.Rect(0, 0, 4*480, (len(tiles)+3)/4*300))
		for i, t := range tiles {
			k := max(float64(t.Rect.Dx())/470, float64(t.Rect.Dy())/290)
			for y := 0; y < 290; y++ {
				for x := 0; x < 470; x++ {
					sx, sy := int(float64(x)*k), int(float64(y)*k)
					if sx < t.Rect.Dx() && sy < t.Rect.Dy() {
						out.SetGray(i%4*480+x, i/4*300+y, color.Gray{t.Pix[sy*t.Stride+sx]})
					}
				}
			}
		}
		f, _ := os.Create("/tmp/h/m.png")
		png.Encode(f, out)
		f.Close()
		return
	}
	n := 0
	fmt.Sscan(os.Args[1], &n)
	type job struct {
		c frames.Condition
		s float64
	}
	var jobs []job
	for _, c := range frames.Conditions() {
		if match(c.Name, os.Args[2:]) {
			for _, s := range c.Strengths {
				jobs = append(jobs, job{c, s})
			}
		}
	}
	var mu sync.Mutex
	_ = mu
	sem := make(chan int, 2)
	lines := make([]string, len(jobs))
	var wg sync.WaitGroup
	for i, j := range jobs {
		wg.Add(1)
		sem <- 1
		go func() {
			defer func() { <-sem; wg.Done() }()
			read, mis, spent := 0, 0, 0
			miss := ""
			for seed := range n {
				if j.c.Frames > 1 {
					w := eye.NewWatch()
					for k := range j.c.Frames {
						f := j.c.Frame(uint64(seed), j.s, k)
						code, ok, _ := w.Look(f.Image)
						if ok && code.Text == f.Text {
							read++
							break
						} else if ok {
							mis++
						}
					}
					continue
				}
				f := j.c.Frame(uint64(seed), j.s, 0)
				r := eye.NewReader()
				t, ok := r.Read(f.Image)
				spent = max(spent, r.Spent())
				switch {
				case ok && t == f.Text:
					read++
				case ok:
					mis++
				default:
					miss += fmt.Sprint(" ", seed)
				}
			}
			lines[i] = fmt.Sprintf("%-16s %8g  %2d of %d  mis %d spent %.1fM miss%s", j.c.Name, j.s, read, n, mis, float64(spent)/1e6, miss)
		}()
	}
	wg.Wait()
	fmt.Println(strings.Join(lines, "\n"))
}

func match(name string, of []string) bool {
	if len(of) == 0 {
		return true
	}
	for _, p := range of {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
