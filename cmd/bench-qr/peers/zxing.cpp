// zxing-cpp 2 and newer. "defaults": as the library comes, for QR codes and one of them;
// "min": one pass over the picture and nothing tried beyond; "all": everything tried that it has.
#define ZXING_EXPERIMENTAL_API
#include "peer.h"

#include <ReadBarcode.h>

#include <string>

static ZXing::ReaderOptions options;

static void read_codes(const uint8_t *pix, int w, int h) {
	ZXing::ImageView view(pix, w, h, ZXing::ImageFormat::Lum);
	for (const auto &code : ZXing::ReadBarcodes(view, options)) {
		if (!code.isValid())
			continue;
		std::string text = code.text(ZXing::TextMode::Plain);
		say(text.data(), text.size());
	}
}

int main(int argc, char **argv) {
	options.setFormats(ZXing::BarcodeFormat::QRCode);
	options.setMaxNumberOfSymbols(1);
	if (argc > 1 && std::string(argv[1]) == "min") {
		options.setTryHarder(false);
		options.setTryRotate(false);
		options.setTryInvert(false);
		options.setTryDownscale(false);
	}
	if (argc > 1 && std::string(argv[1]) == "all") {
		options.setTryHarder(true);
		options.setTryRotate(true);
		options.setTryInvert(true);
		options.setTryDownscale(true);
		options.setTryDenoise(true);
	}
	return serve(nullptr, read_codes);
}
