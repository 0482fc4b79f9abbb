// quirc; a code whose error correction fails is tried in the mirror, as its README says.
// The copy of the picture into quirc's memory is timed, getting the memory is not.
#include "peer.h"

#include <quirc.h>

static struct quirc *reader;

static void size(int w, int h) {
	if (quirc_resize(reader, w, h) < 0)
		give_up("no memory", "quirc");
}

static void read_codes(const uint8_t *pix, int w, int h) {
	static struct quirc_code code;
	static struct quirc_data data;
	memcpy(quirc_begin(reader, NULL, NULL), pix, (size_t)w * (size_t)h);
	quirc_end(reader);
	for (int i = 0; i < quirc_count(reader); i++) {
		quirc_extract(reader, i, &code);
		quirc_decode_error_t err = quirc_decode(&code, &data);
		if (err == QUIRC_ERROR_DATA_ECC) {
			quirc_flip(&code);
			err = quirc_decode(&code, &data);
		}
		if (err == QUIRC_SUCCESS)
			say(data.payload, (size_t)data.payload_len);
	}
}

int main(void) {
	reader = quirc_new();
	return reader ? serve(size, read_codes) : 1;
}
