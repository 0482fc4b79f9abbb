// zxing-cpp 1.4, as Debian 12 has it, with its defaults, for QR codes.
#define ZX_USE_UTF8 1
#include "peer.h"

#include <ZXing/ReadBarcode.h>

#include <string>

static ZXing::DecodeHints hints;

static void read_codes(const uint8_t *pix, int w, int h) {
	ZXing::ImageView view(pix, w, h, ZXing::ImageFormat::Lum);
	auto code = ZXing::ReadBarcode(view, hints);
	if (!code.isValid())
		return;
	std::string text = code.text();
	say(text.data(), text.size());
}

int main() {
	hints.setFormats(ZXing::BarcodeFormat::QRCode);
	return serve(nullptr, read_codes);
}
