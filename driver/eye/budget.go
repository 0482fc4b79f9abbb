package eye

// A budget bounds the work on one frame. It is counted, not timed, so that a frame is read
// or not for what is in it, on every machine: a unit is about a nanosecond of a desktop
// processor, or the look at a pixel or two. What costs much for each frame, or is done
// again and again for what the frame shows, spends of it; and when it is spent, the search
// is over.
type budget struct{ left int }

func (b *budget) spend(n int) { b.left -= n }
func (b *budget) spent() bool { return b.left <= 0 }
