// Package v4l2 takes frames from a Linux camera (Video for Linux, version 2) as pictures of
// brightness, which is all that reading a code needs.
//
// What a Camera promises:
//
//  1. Next hands out the newest frame: older ones that wait are given back unread, and if the
//     driver ran out of buffers while nobody looked, so are all of them, for then even the last is
//     from before.
//  2. The picture is valid until Next's function returns. GREY and NV12 frames are read where the
//     driver put them; their buffer goes back after the function. YUYV and MJPG are unpacked
//     first, and the buffer goes back before it.
//  3. What the driver says of a buffer is checked. Damaged, short and impossible ones are given
//     back, counted, and never looked at.
//  4. A camera that is unplugged, or that stops delivering, ends Next with ErrUnplugged or
//     ErrStalled. Close it, wait a little, and Open it again; a path in /dev/v4l/by-id finds it
//     whatever its number is then.
//
// Two devices need care. v4l2loopback writes into buffers that it has handed out, so a GREY or NV12
// picture may change while it is looked at; no camera does that. Of the frames that it has when
// buffers are asked for it says that they are as long as those, so that a JPEG may pass that is cut
// short. The memory of some cameras on a chip's own bus is not cached: there, look at each pixel of
// a GREY or NV12 picture once, or ask for YUYV, which is copied.
//
// Only single-planar capture by memory mapping is done: USB cameras, HDMI grabbers, vivid,
// v4l2loopback. Sensors on a CSI bus that need their pipeline set up, or give Bayer patterns, do
// not work here, nor do multi-planar devices; Open says so.
//
// Why not github.com/blackjack/webcam (v0.6.1), the one such package that is widely used. It tells
// neither the size that S_FMT settled on nor the length of a line; it hides the buffers' error flag,
// sequence and time; ReadFrame returns memory that the driver already fills again; the descriptor
// is inherited by child processes; a wait is in whole seconds and cannot be broken off; memory is
// unmapped before the stream is stopped; and a metadata node of a USB camera passes for a camera.
// What would be left of it is the structures in abi.go.
//
// Source: the Linux kernel's Userspace API documentation, Media subsystem, part I, "Video for
// Linux API"; sections are named where they matter.
package v4l2
