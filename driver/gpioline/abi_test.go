package gpioline

import (
	"testing"
	"unsafe"
)

// What the C compilers for amd64, arm64 and armhf make of linux/gpio.h (Linux 6.1): all the same.
func TestLayoutIsTheKernels(t *testing.T) {
	var (
		attribute configAttribute
		config    lineConfig
		request   lineRequest
		info      lineInfo
		event     lineEvent
	)
	for _, tt := range []struct {
		name      string
		got, want uintptr
	}{
		{"gpiochip_info", unsafe.Sizeof(chipInfo{}), 68},
		{"gpio_v2_line_attribute", unsafe.Sizeof(lineAttribute{}), 16},
		{"gpio_v2_line_config_attribute", unsafe.Sizeof(attribute), 24},
		{"gpio_v2_line_config_attribute.mask", unsafe.Offsetof(attribute.mask), 16},
		{"gpio_v2_line_config", unsafe.Sizeof(config), 272},
		{"gpio_v2_line_config.attrs", unsafe.Offsetof(config.attributes), 32},
		{"gpio_v2_line_request", unsafe.Sizeof(request), 592},
		{"gpio_v2_line_request.config", unsafe.Offsetof(request.config), 288},
		{"gpio_v2_line_request.num_lines", unsafe.Offsetof(request.count), 560},
		{"gpio_v2_line_request.fd", unsafe.Offsetof(request.fd), 588},
		{"gpio_v2_line_info", unsafe.Sizeof(info), 256},
		{"gpio_v2_line_info.flags", unsafe.Offsetof(info.flags), 72},
		{"gpio_v2_line_values", unsafe.Sizeof(lineValues{}), 16},
		{"gpio_v2_line_event", unsafe.Sizeof(event), 48},
		{"gpio_v2_line_event.id", unsafe.Offsetof(event.ID), 8},

		{"GPIO_GET_CHIPINFO_IOCTL", getChipInfo, 0x8044b401},
		{"GPIO_V2_GET_LINEINFO_IOCTL", getLineInfo, 0xc100b405},
		{"GPIO_V2_GET_LINE_IOCTL", getLine, 0xc250b407},
		{"GPIO_V2_LINE_GET_VALUES_IOCTL", getValues, 0xc010b40e},
		{"GPIO_V2_LINE_SET_VALUES_IOCTL", setValues, 0xc010b40f},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %#x, want %#x", tt.name, tt.got, tt.want)
		}
	}
}
