// zbar, told to look for QR codes only; all else is its default.
#include "peer.h"

#include <zbar.h>

static zbar_image_scanner_t *scanner;

static void read_codes(const uint8_t *pix, int w, int h) {
	zbar_image_t *image = zbar_image_create();
	zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
	zbar_image_set_size(image, (unsigned)w, (unsigned)h);
	zbar_image_set_data(image, pix, (unsigned long)w * (unsigned long)h, NULL);
	zbar_scan_image(scanner, image);
	const zbar_symbol_t *symbol = zbar_image_first_symbol(image);
	for (; symbol; symbol = zbar_symbol_next(symbol))
		if (zbar_symbol_get_type(symbol) == ZBAR_QRCODE)
			say(zbar_symbol_get_data(symbol), zbar_symbol_get_data_length(symbol));
	zbar_image_destroy(image);
}

int main(void) {
	scanner = zbar_image_scanner_create();
	zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
	zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
	return serve(NULL, read_codes);
}
